"""How EPCIS names things: tags, zones and doors as URIs, in the form that the receiver wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from gateway.errors import Rejected
from gateway.model import epc
from gateway.model.epc_elements import CANONICAL
from gateway.model.place import Site, Zone

DEFAULT_PLACE = "urn:rfid-gateway:{site}:{place}"
DEFAULT_TAG = "urn:epc:raw:{bits}.x{epc}"


class Form(StrEnum):
    """In which form GS1 identities are written."""

    DIGITAL_LINK = "digital-link"
    URN = "urn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The URIs of a site's tags and places.

    A place has the identifier of the settings, else its SGLN of the site file, else one made from
    `place`. A tag that follows no scheme has one made from `tag`.
    """

    site: Site
    form: Form = Form.DIGITAL_LINK
    resolver: str = CANONICAL
    place: str = DEFAULT_PLACE
    tag: str = DEFAULT_TAG
    given: dict[str, str] = field(default_factory=dict)  # zone:ID or door:ID → URI

    def of_tag(self, hexadecimal: str) -> str:
        """The URI of a tag; raises `Rejected` when it is not in hex."""
        try:
            tag = bytes.fromhex(hexadecimal)
        except ValueError:
            raise Rejected(f"its EPC is not hex: {hexadecimal[:80]!r}") from None
        identity = epc.decode(tag)
        if identity is None:
            return self.tag.replace("{bits}", str(8 * len(tag))).replace("{epc}", tag.hex().upper())
        return self._identity(identity)

    def is_pallet(self, hexadecimal: str) -> bool:
        """Whether a tag is that of a logistic unit (SSCC)."""
        identity = epc.decode(bytes.fromhex(hexadecimal))
        return identity is not None and identity.sscc is not None

    def of_zone(self, zone: str) -> str:
        """The URI of a zone."""
        return self._place(f"zone:{zone}", zone, self._sgln_of_zone(zone))

    def of_door(self, door: str) -> str:
        """The URI of a door."""
        number = self.site.door_numbers.get(door)
        sgln = None if number is None else self.site.doors[number].sgln
        return self._place(f"door:{door}", door, sgln)

    def zone(self, zone: str | None) -> Zone | None:
        """The zone itself, if the site has it now."""
        number = self.site.zone_numbers.get(zone or "")
        return None if number is None else self.site.zones[number]

    def _sgln_of_zone(self, zone: str) -> str | None:
        found = self.zone(zone)
        return None if found is None else found.sgln

    def _place(self, key: str, identifier: str, sgln: str | None) -> str:
        if key in self.given:
            return self.given[key]
        if sgln is not None:
            *_, text = sgln.split(":", 4)
            return self._identity(epc.Identity("sgln", epc.fields_of("sgln", text)))
        made = self.place.replace("{site}", quote(self.site.id, safe=""))
        return made.replace("{place}", quote(identifier, safe=""))

    def _identity(self, identity: epc.Identity) -> str:
        if self.form is Form.URN:
            return identity.uri
        return identity.digital_link(self.resolver) or identity.uri
