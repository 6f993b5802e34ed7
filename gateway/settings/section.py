"""What all models of files have in common: unknown keys are errors, an empty value is no value."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from gateway.settings.values import Line


class Section(BaseModel):
    """One mapping of a file."""

    # Built when a file is fitted in: the model of a file builds all that is in it, once.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, given: Any) -> Any:
        """`key:` with nothing after it is the same as leaving the known key out."""
        if not isinstance(given, dict):
            return given
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {k: v for k, v in given.items() if v is not None or k not in known}


def _check_credential_name(name: str) -> str:
    if not name or "/" in name or name.startswith("."):
        raise ValueError("expected the name of a systemd credential, without '/'")
    return name


class SecretRef(Section):
    """Where a secret is found; the secret itself is never written in a file."""

    credential: Annotated[Line, AfterValidator(_check_credential_name)] | None = None
    """Name of a systemd credential (LoadCredential=), a file in $CREDENTIALS_DIRECTORY."""
    file: Line | None = None
    """Path of a file that holds the secret; relative to the site directory."""
    env: Line | None = None
    """Name of an environment variable that holds the secret."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_literal(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError(  # noqa: TRY004 - pydantic collects ValueErrors only
                "a secret is never written in the file: use {credential: NAME}, {file: PATH} "
                "or {env: NAME}"
            )
        return given

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretRef:
        if sum(v is not None for v in (self.credential, self.file, self.env)) != 1:
            raise ValueError("expected exactly one of credential, file and env")
        return self
