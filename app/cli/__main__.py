"""``python -m app.cli`` is ``skyshelf``."""

from app.cli import main

if __name__ == "__main__":
    main()
