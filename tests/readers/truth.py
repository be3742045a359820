"""What the lake must hold, stated a second time.

Written from docs/tables.md and docs/reading.md and not from the program: each table is listed here again, column by
column, with the field of Drift's record that it mirrors. Numbers are never read through a float, and the text of a JSON
value is taken from the record byte for byte.
"""

import json
import re
from json.decoder import scanstring

TIME_MS = range(100_000_000_000, 4_102_444_800_000)
INT64 = range(-(2**63), 2**63)
CANONICAL = re.compile(r"0|-?[1-9][0-9]*")
DECODER = json.JSONDecoder(strict=False)
BLANK = re.compile(r"[ \t\r\n]*")


class Number(str):
    """A number's own text: `1.50` is not `1.5`."""


def exact(text):
    """A JSON value in which numbers are compared by their text."""
    return json.loads(text, parse_int=Number, parse_float=Number, strict=False)


def parts(text):
    """The members of a JSON object, or the elements of a list, each as its own text."""
    at = BLANK.match(text).end()
    is_object = text[at] == "{"
    found = {} if is_object else []
    at = BLANK.match(text, at + 1).end()
    while text[at] not in "}]":
        if is_object:
            key, at = scanstring(text, at + 1, False)
            at = BLANK.match(text, BLANK.match(text, at).end() + 1).end()
        _, end = DECODER.raw_decode(text, at)
        if is_object:
            found[key] = text[at:end]
        else:
            found.append(text[at:end])
        at = BLANK.match(text, end).end()
        if text[at] == ",":
            at = BLANK.match(text, at + 1).end()
    return found


MISFIT = object()


# Kinds: each turns a value's text into what stands in the column. A second value says that the text also stands in
# `_extra`, though the column is filled.


def integer(text):
    if CANONICAL.fullmatch(text) and int(text) in INT64:
        return int(text), False
    if text.startswith('"'):
        inside = exact(text)
        if CANONICAL.fullmatch(inside) and int(inside) in INT64:
            return int(inside), True
    return MISFIT, True


def time(text):
    value, odd = integer(text)
    return (value * 1000, odd) if value is not MISFIT and value in TIME_MS else (MISFIT, True)


def string(text):
    return (exact(text), False) if text.startswith('"') else (MISFIT, True)


def scalar(text):
    if text.startswith('"'):
        return exact(text), False
    return (MISFIT, True) if text[0] in "[{" else (text, False)


def flag(text):
    return (text == "true", False) if text in ("true", "false") else (MISFIT, True)


def number(text):
    return (float(text), False) if text[0] in "-0123456789" else (MISFIT, True)


def raw(text):
    return text, False


def listed(kind):
    return ("list", kind)


def records(**fields):
    return ("list", ("record", fields))


def record(**fields):
    return ("record", fields)


def place(text, kind, extra, key):
    """The value of a column; what does not fit, or is not named, goes to `extra[key]`."""
    if text == "null":
        return None
    if callable(kind):
        value, odd = kind(text)
        if odd:
            extra[key] = exact(text)
        return None if value is MISFIT else value
    shape, inner = kind
    if (shape == "list") != text.startswith("[") or (shape == "record") != text.startswith("{"):
        extra[key] = exact(text)
        return None
    below = {}
    if shape == "list":
        value = [place(item, inner, below, str(index)) for index, item in enumerate(parts(text))]
    else:
        members = parts(text)
        value = {name: place(members.pop(api, "null"), kind, below, api) for name, (api, kind) in inner.items()}
        below.update({api: exact(rest) for api, rest in members.items()})
    if below:
        extra[key] = below
    return value


def lifted(text, paths, kind):
    """The first leaf of a free map that fits."""
    for path in paths:
        at = text
        for step in path:
            at = parts(at).get(step) if at and at.startswith("{") else None
        if at is not None and at != "null":
            value, _ = kind(at)
            if value is not MISFIT:
                return value
    return None


def field(api, kind):
    return ("field", api.split("."), kind)


def lift(kind, *paths):
    return ("lift", [path.split(".") for path in paths], kind)


def here_or_in_location(name):
    return f"context.{name}", f"context.location.{name}"


TABLES = {
    "conversations": {
        "id": field("id", integer),
        "org_id": field("orgId", integer),
        "status": field("status", string),
        "participants": field("participants", listed(integer)),
        "contact_id": field("contactId", integer),
        "inbox_id": field("inboxId", integer),
        "created_at": field("createdAt", time),
        "updated_at": field("updatedAt", time),
        "related_playbook_id": field("relatedPlaybookId", integer),
        "conversation_tags": field(
            "conversationTags", records(color=("color", string), name=("name", string))
        ),
    },
    "messages": {
        "id": field("id", integer),
        "org_id": field("orgId", integer),
        "conversation_id": field("conversationId", integer),
        "type": field("type", string),
        "created_at": field("createdAt", time),
        "body": field("body", string),
        "author_id": field("author.id", integer),
        "author_type": field("author.type", string),
        "author_bot": field("author.bot", flag),
        "buttons": field(
            "buttons",
            records(
                label=("label", string),
                value=("value", string),
                type=("type", string),
                style=("style", string),
                reaction=("reaction", record(type=("type", string), message=("message", string))),
            ),
        ),
        "attachments": field(
            "attachments",
            records(
                id=("id", integer),
                file_name=("fileName", string),
                mime_type=("mimeType", string),
                url=("url", string),
            ),
        ),
        "edited_message_id": field("editedMessageId", integer),
        "edit_type": field("editType", string),
        "context": field("context", raw),
        "attributes": field("attributes", raw),
        "ip": lift(string, "context.ip"),
        "user_agent": lift(string, "context.userAgent"),
        "href": lift(string, "context.href"),
        "title": lift(string, "context.title"),
        "referrer": lift(string, "context.referrer"),
        "locale": lift(string, "context.locale"),
        "timezone": lift(string, "context.timezone"),
        "city": lift(string, *here_or_in_location("city")),
        "region": lift(string, *here_or_in_location("region")),
        "country": lift(string, *here_or_in_location("country")),
        "country_name": lift(string, *here_or_in_location("countryName")),
        "postal_code": lift(scalar, *here_or_in_location("postalCode")),
        "latitude": lift(number, *here_or_in_location("latitude")),
        "longitude": lift(number, *here_or_in_location("longitude")),
        "pre_messages": lift(raw, "attributes.preMessages"),
        "developer_app_id": lift(scalar, "attributes.developer_app_id"),
    },
    "contacts": {
        "id": field("id", integer),
        "created_at": field("createdAt", time),
        "email": lift(string, "attributes.email"),
        "name": lift(string, "attributes.name"),
        "first_name": lift(string, "attributes.first_name"),
        "phone": lift(string, "attributes.phone"),
        "external_id": lift(scalar, "attributes.externalId", "attributes.external_id"),
        "start_date": lift(time, "attributes.start_date"),
        "last_active": lift(time, "attributes.last_active"),
        "last_contacted": lift(time, "attributes.last_contacted"),
        "attributes": field("attributes", raw),
    },
    "users": {
        "id": field("id", integer),
        "org_id": field("orgId", integer),
        "name": field("name", string),
        "alias": field("alias", string),
        "email": field("email", string),
        "phone": field("phone", string),
        "locale": field("locale", string),
        "availability": field("availability", string),
        "role": field("role", string),
        "time_zone": field("timeZone", string),
        "avatar_url": field("avatarUrl", string),
        "verified": field("verified", flag),
        "bot": field("bot", flag),
        "created_at": field("createdAt", time),
        "updated_at": field("updatedAt", time),
    },
    "teams": {
        "id": field("id", integer),
        "org_id": field("orgId", integer),
        "workspace_id": field("workspaceId", string),
        "name": field("name", string),
        "updated_at": field("updatedAt", time),
        "members": field("members", listed(integer)),
        "owner": field("owner", integer),
        "status": field("status", string),
        "main": field("main", flag),
        "auto_offline": field("autoOffline", flag),
        "team_availability_mode": field("teamAvailabilityMode", string),
        "response_timer_enabled": field("responseTimerEnabled", flag),
        "team_csat_enabled": field("teamCsatEnabled", flag),
    },
    "accounts": {
        "account_id": field("accountId", string),
        "owner_id": field("ownerId", integer),
        "name": field("name", string),
        "domain": field("domain", string),
        "custom_properties": field(
            "customProperties",
            records(
                label=("label", string), name=("name", string), value=("value", raw), type=("type", string)
            ),
        ),
        "deleted": field("deleted", flag),
        "targeted": field("targeted", flag),
        "create_date_time": field("createDateTime", time),
        "update_date_time": field("updateDateTime", time),
    },
    "playbooks": {
        "id": field("id", integer),
        "name": field("name", string),
        "org_id": field("orgId", integer),
        "meta": field("meta", raw),
        "created_at": field("createdAt", time),
        "updated_at": field("updatedAt", time),
        "created_author_id": field("createdAuthorId", integer),
        "updated_author_id": field("updatedAuthorId", integer),
        "interaction_id": field("interactionId", integer),
        "report_type": field("reportType", string),
        "goals": field("goals", records(id=("id", string), message=("message", string))),
    },
    "landing_pages": {
        "playbook_id": field("playbookId", integer),
        "playbook_name": field("playbookName", string),
        "landing_page_url": field("landingPageUrl", string),
    },
    "meetings": {
        "slug": field("slug", string),
        "org_id": field("orgId", integer),
        "agent_id": field("agentId", integer),
        "scheduler_id": field("schedulerId", integer),
        "conversation_id": field("conversationId", integer),
        "status": field("status", string),
        "meeting_source": field("meetingSource", string),
        "meeting_type": field("meetingType", string),
        "event_id": field("eventId", string),
        "slot_start": field("slotStart", time),
        "slot_end": field("slotEnd", time),
        "scheduled_at": field("scheduledAt", time),
        "updated_at": field("updatedAt", time),
        "end_user_time_zone": field("endUserTimeZone", string),
        "meeting_notes": field("meetingNotes", string),
        "booked_by": field("bookedBy", integer),
        "conference_type": field("conferenceType", string),
        "is_recurring": field("isRecurring", flag),
        "is_private": field("isPrivate", flag),
        "conference_details_join_url": field("conferenceDetails.join_url", string),
    },
}

KEYS = {
    "conversations": ("id",),
    "messages": ("id",),
    "contacts": ("id",),
    "users": ("id",),
    "teams": ("id",),
    "accounts": ("account_id",),
    "playbooks": ("id",),
    "landing_pages": ("playbook_id", "landing_page_url"),
    "meetings": ("slug",),
    "inboxes": ("id",),
    "campaigns": ("id",),
    "campaign_members": ("resultid",),
}

DERIVED = {
    "inboxes": ["id", "first_seen", "last_seen", "conversations"],
    "campaigns": [
        "id", "name", "source", "report_type", "landing_page_urls", "created_at", "updated_at",
        "first_seen", "last_seen", "conversations",
    ],
    "campaign_members": [
        "resultid", "campaign_id", "conversation_id", "contact_id", "status", "created_at", "updated_at",
    ],
}  # fmt: skip

LEDGER = {
    "conversations": ["_listed_at", "_messages_as_of", "_walked_at", "_missing"],
    "contacts": ["_as_of"],
}

CLOSING = ["_extra", "_synced_at", "_deleted_at"]


def columns(table):
    """Every documented column of a table, in order."""
    own = DERIVED.get(table) or list(TABLES[table])
    return own + LEDGER.get(table, []) + CLOSING


def row(table, text):
    """The row that a record must become: its own columns, and `_extra` as a tree."""
    members, extra, values, flattened = parts(text), {}, {}, {}
    for name, (way, path, kind) in TABLES[table].items():
        if way == "lift":
            values[name] = lifted(text, path, kind)
        elif len(path) == 1:
            values[name] = place(members.get(path[0], "null"), kind, extra, path[0])
        else:
            flattened.setdefault(path[0], {})[path[1]] = (name, kind)
    for outer, inner in flattened.items():
        values.update(flatten(members.get(outer, "null"), inner, extra, outer))
    named = {path[0] for way, path, _ in TABLES[table].values() if way == "field"}
    extra.update({api: exact(rest) for api, rest in members.items() if api not in named})
    values["_extra"] = extra or None
    return values


def flatten(text, fields, extra, outer):
    """An object whose fields are columns of their own."""
    if text != "null" and not text.startswith("{"):
        extra[outer] = exact(text)
        text = "null"
    members, below = ({} if text == "null" else parts(text)), {}
    values = {name: place(members.pop(api, "null"), kind, below, api) for api, (name, kind) in fields.items()}
    below.update({api: exact(rest) for api, rest in members.items()})
    if below:
        extra[outer] = below
    return values


def key_of(table, values):
    return tuple(values[name] for name in KEYS[table])
