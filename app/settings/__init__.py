"""All settings of Skyshelf, read from the environment or ``.env``, prefix ``SKYSHELF_``.

There is no instance here: `load_settings` is called once by each process and the result is passed
on. ``.env.example`` and docs/admin/reference/settings.md are generated from these classes.
"""

from app.settings.whole import PREFIX, InternalFrames, Settings, load_settings, write_private

__all__ = ["PREFIX", "InternalFrames", "Settings", "load_settings", "write_private"]
