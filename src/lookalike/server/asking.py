"""From a request to what is asked: query and form made one, uploads and numbers made pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from lookalike.collection import Collection
from lookalike.errors import RequestError
from lookalike.server.intake import Form, Upload
from lookalike.server.schemas.questions import Guided, Where

M = TypeVar("M", bound=BaseModel)


def asked(kind: type[M], query: BaseModel, fields: Mapping[str, list[Any]]) -> M:
    """What the query and the other fields of a form say together; the form counts before the query.

    Raises:
        RequestError: 422, something of it is wrong.
    """
    given = query.model_dump(exclude_unset=True)
    for name, values in fields.items():
        field = kind.model_fields.get(name)
        is_list = field is not None and get_origin(field.annotation) is list
        given[name] = values if is_list or len(values) != 1 else values[0]
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise RequestError(said.replace("Value error, ", ""), 422, "usage") from None


def one_picture(
    form: Form, number: int | None, url: str | None, field: str = "picture"
) -> Upload | int | str:
    """The one picture that is asked about: a file, the number of an indexed one, or a URL.

    Raises:
        RequestError: 422, there is none, or more than one.
    """
    files = [*form.named(field), *form.named("body")]
    given: list[Upload | int | str] = [*files, *(one for one in (number, url) if one is not None)]
    if len(given) != 1:
        raise RequestError(
            f"give one picture: a file in the field {field!r}, the picture as the body, the id of an "
            f"indexed one, or a URL; got {len(files)} files, {'an' if number is not None else 'no'} id and "
            f"{'a' if url is not None else 'no'} URL",
            422,
            "usage",
        )
    return given[0]


def only(form: Form, *fields: str) -> None:
    """Refuse files in other fields: a picture that nobody looks at is a mistake.

    Raises:
        RequestError: 422, there is one.
    """
    for file in form.files:
        if file.field not in (*fields, "body"):
            raise RequestError(
                f"there is no file field {file.field[:80]!r}: there are {', '.join(fields)}", 422, "usage"
            )


def source(picture: Upload | int) -> bytes | int:
    """What `Collection` takes for a picture."""
    return picture.data if isinstance(picture, Upload) else picture


def searching(
    asked: Guided, picture: Upload | int, also: Sequence[Upload], against: Sequence[Upload], max_k: int
) -> Callable[[Collection], Any]:
    """The search a request asks for, to be done on a collection.

    Raises:
        RequestError: 422, more results than one may ask for.
    """
    if asked.k > max_k:
        raise RequestError(f"k: {asked.k} is more than the {max_k} that this server allows", 422, "usage")
    return lambda collection: collection.search(
        source(picture),
        asked.k,
        also=[*(one.data for one in also), *asked.also_id],
        against=[*(one.data for one in against), *asked.against_id],
        region=asked.region,
        where=asked.where,
        threshold=asked.threshold,
        exact=asked.exact,
        include_self=asked.include_self,
    )


def name_of(picture: Upload | int) -> str:
    """What an answer calls the picture that was asked about."""
    return picture.name if isinstance(picture, Upload) else f"#{picture}"


def whose(where: Where) -> tuple[str | None, str | None, str | None]:
    """Model, output and runtime, as `Served.with_model` takes them."""
    return where.model, where.output, where.runtime
