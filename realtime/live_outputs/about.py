"""What a page must know before the first window: names, families, thresholds, colours."""

from __future__ import annotations

from typing import Any

from realtime.colours import DARK, LIGHT, Colours
from realtime.live_outputs.output import Setting
from realtime.taxonomy import FAMILY_OF, display_name


def about(setting: Setting) -> dict[str, Any]:
    """Families with their instruments, in the order of the meters; the sounds; the model."""
    spec = setting.spec
    families = [
        {
            "id": family,
            "name": display_name(family),
            "threshold": spec.family_thresholds[family],
            "instruments": [
                {"id": one, "name": display_name(one), "threshold": spec.thresholds[one]}
                for one in spec.instruments
                if FAMILY_OF.get(one) == family
            ],
        }
        for family in spec.families
    ]
    return {
        "model": {"name": spec.name, "version": spec.version},
        "sounds": list(setting.names),
        "families": families,
        "polyphony": list(spec.polyphony),
    }


def colours_css() -> str:
    """The colours of both themes as custom properties, the system's own choice of them."""
    return (
        f":root {{ color-scheme: dark;\n{_properties(DARK)}}}\n"
        "@media (prefers-color-scheme: light) {\n"
        f":root {{ color-scheme: light;\n{_properties(LIGHT)}}}\n}}\n"
    )


def _properties(colours: Colours) -> str:
    values = {name: value for name, value in vars(colours).items() if name != "families"}
    values |= {f"family-{name}": value for name, value in colours.families.items()}
    return "".join(f"  --{name.replace('_', '-')}: {value};\n" for name, value in values.items())
