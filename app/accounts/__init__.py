"""Users, proposals, API tokens and what they may see."""
