"""The JSON schema of the probe's events (draft 2020-12): what `zt.sip.events` says, for machines.

Nothing is allowed that is not named: a field that somebody adds without saying so here fails the
tests, and so no profile is surprised by it. All objects are nested; nothing is ever null.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

KINDS: Final = (
    "reg-new",
    "reg-del",
    "reg-expired",
    "auth-failed",
    "call-start",
    "call-end",
    "call-attempt",
    "other-ok",
    "other-failed",
    "other-timeout",
    "msg-probe",
    "parse-error",
    "msg-shed",
    "counters",
)
# Of one transaction, call or binding: these know both ends, unless they stand for all sources.
_OUTCOMES: Final = [kind for kind in KINDS if kind not in ("msg-shed", "counters")]


def schema() -> Schema:
    """The schema of one event, a fresh object."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event of the SIP probe",
        "description": "One security event, as zt probe writes it, one JSON object a line.",
        **_object(
            {
                "@timestamp": _time(
                    "Of the packet that decided it, or of the deadline where none came."
                ),
                "type": {"enum": [*KINDS], "description": "What happened."},
                "sip": _sip(),
                "uri": _object({"original": _text("Request-URI.")}, required=["original"]),
                "user_agent": _object(
                    {"original": _text("Software of the client.")}, required=["original"]
                ),
                "uas": _object(
                    {"original": _text("Software of the server.")}, required=["original"]
                ),
                "client": _client(),
                "server": _server(),
                "geoip": _geoip(),
                "event": _details(),
                "rate": _rate(),
                "counters": _counters(),
                "agent": _agent(),
                "observer": _observer(),
                "tags": {
                    "type": "array",
                    "items": {"enum": ["honeynet"]},
                    "minItems": 1,
                    "maxItems": 1,
                    "description": "Where it belongs: honeynet is what a honeypot saw.",
                },
            },
            required=["@timestamp", "type", "agent"],
        ),
        "allOf": [
            {
                "if": _type_in(["counters"]),
                "then": {
                    "required": ["counters"],
                    **_without("sip", "client", "server", "event", "rate", "geoip"),
                },
                "else": _without("counters"),
            },
            {
                "if": _type_in(["msg-shed"]),
                "then": {"required": ["rate"], **_without("sip", "event", "geoip")},
            },
            {
                "if": _type_in(_OUTCOMES),
                "then": {
                    "required": ["client"],
                    "anyOf": [_one_source(), _all_sources()],
                },
            },
            {
                "if": _type_in(["call-end", "reg-expired"]),
                "then": _unless_summed({"sip": {"required": ["call_id", "response"]}}),
            },
        ],
        "$defs": {
            "counts": {
                "type": "object",
                "description": "Names to numbers, or to such objects.",
                "additionalProperties": {
                    "anyOf": [{"type": "integer", "minimum": 0}, {"$ref": "#/$defs/counts"}]
                },
            }
        },
    }


def _sip() -> Schema:
    return _object(
        {
            "from": _text("URI in From, without name and tag."),
            "to": _text("URI in To, without name and tag."),
            "contact": _text("URI of the contact concerned."),
            "pai1": _text("First P-Asserted-Identity: who the caller is, says the network."),
            "call_id": _text("Call-ID."),
            "fromtag": _text("Tag of From."),
            "totag": _text("Tag of To, of the answer where there was one."),
            "cseq": _number("CSeq number of the request."),
            "request": _object(
                {
                    "method": _text("Method of the request, of the BYE in a call-end."),
                    "sig": _text("Fingerprint of the client's software."),
                },
                required=["method"],
            ),
            "response": _object(
                {
                    "status": _status("Of the final response."),
                    "last": _status("Of the last response, where the final one was not seen."),
                }
            ),
            "sip_reason": _text("Reason phrase of the final response."),
            "auth": _object(
                {
                    "username": _text("Of the credentials that the request came with."),
                    "realm": _text("Of the credentials that the request came with."),
                    "tried": {
                        "type": "string",
                        "pattern": "^[0-9a-f]{32}$",
                        "description": "Salted hash of the credentials that a honeypot was sent.",
                    },
                }
            ),
            "pdd": _number(
                "Post dial delay: milliseconds from the INVITE to the first sign of the callee."
            ),
            "ring_time": _number("Milliseconds from there to the final answer."),
            "originator": {
                "enum": ["caller-terminated", "callee-terminated", "timeout-terminated"],
                "description": "Who ended a call.",
            },
            "unmatched_invite": {
                "const": True,
                "description": "The call began before the capture, its start is not known.",
            },
        }
    )


def _client() -> Schema:
    return _object(
        {
            "ip": _text("Address of who sent the request: of the caller, for a call."),
            "port": _port(),
            "transport": {
                "enum": ["UDP", "TCP", "TLS", "WS", "WSS", "SCTP"],
                "description": "Of both ends.",
            },
            "proven": {
                "type": "boolean",
                "description": "The address is no mere claim: see docs/probe.md.",
            },
        }
    )


def _server() -> Schema:
    return _object({"ip": _text("Address of whom it was sent to."), "port": _port()})


def _geoip() -> Schema:
    place = {
        "iso_code": _text("Country, two letters (ISO 3166-1)."),
        "city_id": _text("GeoNames number of the city."),
    }
    return _object({"src": _object(place), "dst": _object(place)})


def _details() -> Schema:
    return _object(
        {
            "reason": _text("What decided it, or what is wrong with a message."),
            "signature": _text("The scanner that the request looks like."),
            "messages": _number("Packets of the transaction, repeats included."),
            "retransmissions": _number("Of these, repeats."),
            "call_start": _time("Of the 2xx to the INVITE."),
            "duration": _seconds("From the 2xx to the end of the call."),
            "duration2": _seconds("From the INVITE to the end of the call."),
            "lifetime": _seconds("That a binding existed."),
        }
    )


def _rate() -> Schema:
    return _object(
        {
            "exceeded": _number("Events in a row that were over the limit."),
            "ex_diff": _number("Events that this one stands for, beside itself."),
            "crt": _number("Events in the period up to now."),
            "lim": _number("Events allowed in the period."),
            "period": _number("Milliseconds."),
            "key": _text("What is counted: type and source, or type and * for all sources."),
        },
        required=["ex_diff", "key"],
    )


def _counters() -> Schema:
    counts = {"$ref": "#/$defs/counts"}
    return {
        "type": "object",
        "description": "What was seen since the last such event; what is zero is absent.",
        "properties": {
            "seconds": _number("Seconds of capture time that it covers."),
            "messages": _number("Datagrams that reached the probe."),
            "shed": _number("Of these, shed before they were parsed."),
            "requests": counts,
            "responses": counts,
            "sip": counts,
            "events": _object({"made": counts, "sent": counts, "suppressed": counts}),
            "tables": counts,
        },
        "required": ["seconds"],
        "additionalProperties": counts,  # what a source counts, by its name
    }


def _agent() -> Schema:
    return _object(
        {
            "type": _text("Kind of program."),
            "name": _text("Name of this probe."),
            "version": _text("Its version."),
        },
        required=["type", "name", "version"],
    )


def _observer() -> Schema:
    """The honeypot that saw it; a probe at a customer's is none, and has `agent.name` only."""
    return _object(
        {
            "name": _text("Name of the honeypot."),
            "geo": _object({"name": _text("Region where it stands.")}, required=["name"]),
        },
        required=["name"],
    )


def _one_source() -> Schema:
    """An event that knows both ends."""
    return {
        "required": ["server", "event"],
        "properties": {
            "client": {"required": ["ip", "port", "transport", "proven"]},
            "server": {"required": ["ip", "port"]},
        },
    }


def _all_sources() -> Schema:
    """A throttled event that stands for many sources."""
    return {"required": ["rate"], **_without("sip", "server", "event", "geoip")}


def _unless_summed(properties: Schema) -> Schema:
    return {"if": {"required": ["server"]}, "then": {"properties": properties}}


def _type_in(kinds: list[str]) -> Schema:
    return {"properties": {"type": {"enum": kinds}}}


def _without(*names: str) -> Schema:
    return {"properties": dict.fromkeys(names, False)}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
    }
    if required:
        found["required"] = required
    return found


def _text(description: str) -> Schema:
    return {"type": "string", "minLength": 1, "description": description}


def _number(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _seconds(description: str) -> Schema:
    return {"type": "number", "minimum": 0, "description": f"Seconds. {description}"}


def _status(description: str) -> Schema:
    return {"type": "integer", "minimum": 100, "maximum": 699, "description": description}


def _port() -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": 65_535, "description": "Port."}


def _time(description: str) -> Schema:
    return {
        "type": "string",
        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        "description": f"RFC 3339, UTC. {description}",
    }
