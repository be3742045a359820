"""The columns that every peer writes, each declared once: its name, where it stands in a record, its kind.

These are the typed columns of the lake that come from the API and that the page set fills. The lake has more, which
no peer is asked for: the raw text of `context` and `attributes`, the ledger, `_extra`, `_synced_at`, `_deleted_at`."""

from dataclasses import dataclass

INT, TEXT, TIME, FLAG, NUMBER, INTS = "int", "text", "time", "flag", "number", "ints"


@dataclass(frozen=True)
class Column:
    name: str
    path: tuple[str, ...]
    kind: object  # One of the words above, or the fields of a list of records: (name, path, kind).

    @property
    def is_records(self):
        return isinstance(self.kind, tuple)


def texts(*names):
    return tuple((name, (name,), TEXT) for name in names)


TAG = texts("color", "name")
BUTTON = texts("label", "value", "type", "style") + (
    ("reaction_type", ("reaction", "type"), TEXT),
    ("reaction_message", ("reaction", "message"), TEXT),
)
ATTACHMENT = (
    ("id", ("id",), INT),
    ("file_name", ("fileName",), TEXT),
    ("mime_type", ("mimeType",), TEXT),
    ("url", ("url",), TEXT),
)


def _columns(*rows):
    return tuple(Column(name, tuple(path.split(".")), kind) for name, path, kind in rows)


CONVERSATIONS = _columns(
    ("id", "id", INT),
    ("org_id", "orgId", INT),
    ("status", "status", TEXT),
    ("participants", "participants", INTS),
    ("contact_id", "contactId", INT),
    ("inbox_id", "inboxId", INT),
    ("created_at", "createdAt", TIME),
    ("updated_at", "updatedAt", TIME),
    ("related_playbook_id", "relatedPlaybookId", INT),
    ("conversation_tags", "conversationTags", TAG),
)
MESSAGES = _columns(
    ("id", "id", INT),
    ("org_id", "orgId", INT),
    ("conversation_id", "conversationId", INT),
    ("type", "type", TEXT),
    ("created_at", "createdAt", TIME),
    ("body", "body", TEXT),
    ("author_id", "author.id", INT),
    ("author_type", "author.type", TEXT),
    ("author_bot", "author.bot", FLAG),
    ("buttons", "buttons", BUTTON),
    ("attachments", "attachments", ATTACHMENT),
    ("ip", "context.ip", TEXT),
    ("user_agent", "context.userAgent", TEXT),
    ("href", "context.href", TEXT),
    ("title", "context.title", TEXT),
    ("referrer", "context.referrer", TEXT),
    ("locale", "context.locale", TEXT),
    ("timezone", "context.timezone", TEXT),
    ("city", "context.location.city", TEXT),
    ("region", "context.location.region", TEXT),
    ("country", "context.location.country", TEXT),
    ("country_name", "context.location.countryName", TEXT),
    ("postal_code", "context.location.postalCode", TEXT),
    ("latitude", "context.location.latitude", NUMBER),
    ("longitude", "context.location.longitude", NUMBER),
    ("developer_app_id", "attributes.developer_app_id", TEXT),
)
TABLES = {"conversations": CONVERSATIONS, "messages": MESSAGES}


def record(table):
    """The record as a tree: names to kinds, to trees, or to lists of one tree."""
    return _tree((column.path, column.kind) for column in TABLES[table])


def _tree(leaves):
    tree = {}
    for path, kind in leaves:
        place = tree
        for name in path[:-1]:
            place = place.setdefault(name, {})
        nested = isinstance(kind, tuple)
        place[path[-1]] = [_tree((path, kind) for _, path, kind in kind)] if nested else kind
    return tree
