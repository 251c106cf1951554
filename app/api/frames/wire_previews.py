"""Parameters of previews."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, WithJsonSchema

from app.api.validation import Given, Text
from app.previews.models import (
    MAX_WIDTH_PX,
    ColorMap,
    Interval,
    PictureFormat,
    PreviewSpec,
    Stretch,
)


def _choice(choices: type[PictureFormat | Stretch | Interval | ColorMap], default: str) -> Any:  # noqa: ANN401  # a type
    schema = {"type": "string", "enum": [str(choice) for choice in choices], "default": default}
    return WithJsonSchema(schema)


class PreviewIn(BaseModel):
    """What a preview shall look like; empty values stand for the defaults."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    width: Annotated[
        Given[Text],
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_WIDTH_PX, "default": 600}),
    ] = None
    """Width [pixel]; the height follows in proportion."""
    format: Annotated[Given[Text], _choice(PictureFormat, "png")] = None
    """How the picture is encoded. PNG and WebP show NaN transparent."""
    stretch: Annotated[Given[Text], _choice(Stretch, "linear")] = None
    """How pixel values between the limits become brightness."""
    interval: Annotated[Given[Text], _choice(Interval, "zscale")] = None
    """How the limits are found."""
    lower: Annotated[Given[Text], WithJsonSchema({"type": "number"})] = None
    """Lower limit: a percentile for `percentile` (default 1), a pixel value for `minmax` (default
    that of the image); not with `zscale`."""
    upper: Annotated[Given[Text], WithJsonSchema({"type": "number"})] = None
    """Upper limit, likewise; the default percentile is 99.5."""
    cmap: Annotated[Given[Text], _choice(ColorMap, "gray")] = None
    """Colours of low to high brightness."""
    ext: Annotated[Given[Text], WithJsonSchema({"type": "string", "examples": ["SCI", "1"]})] = None
    """Index or EXTNAME of the HDU; default: the science image."""

    def spec(self) -> PreviewSpec:
        """Read the wish.

        Returns
        -------
        PreviewSpec
            With defaults for what is not given.

        Raises
        ------
        InvalidError
            If a value is not allowed; names the parameter, the value and what is allowed.
        """  # parse raises it
        return PreviewSpec.parse(self.model_dump(exclude_none=True))
