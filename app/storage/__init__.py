"""The only code that touches archived bytes."""
