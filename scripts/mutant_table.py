"""The mutants of scripts/mutants.py: security properties, how to turn each off, what notices."""

from __future__ import annotations

from scripts.mutant import Mutant
from scripts.mutant_table_honeynet import HONEYNET_MUTANTS
from scripts.mutant_table_honeypot import HONEYPOT_MUTANTS
from scripts.mutant_table_hunt import HUNT_MUTANTS
from scripts.mutant_table_lure import LURE_MUTANTS
from scripts.mutant_table_probe import PROBE_MUTANTS
from scripts.mutant_table_recorder import RECORDER_MUTANTS

BATCHES = "tests/unit/encoder/test_encoder_batches.py"
BINDINGS = "tests/unit/schemes/test_schemes_bindings.py"
BATCH_CUTS = "tests/unit/wire/test_wire_transport_batches.py"
COLUMN = "tests/unit/crypto/test_crypto_ff1_column.py"
COLUMNS = "tests/properties/test_prop_columns.py"
COMPRESSED = "tests/unit/wire/test_wire_transport_compressed.py"
DERIVE = "tests/unit/keys/test_keys_derive.py"
OPENSEARCH = "tests/stores/test_store_opensearch"
HOSTILE = "tests/unit/encoder/test_encoder_hostile.py"
DERIVED = "tests/unit/encoder/test_encoder_derived.py"
ENCODER_FORMATS = "tests/unit/encoder/test_encoder_formats.py"
FF1 = "tests/unit/crypto/test_crypto_ff1.py"
GRAM = "tests/unit/crypto/test_crypto_gram.py"
GROUPS = "tests/unit/query/test_query_groups.py"
LIES = "tests/unit/query/test_query_lies.py"
LOSSLESS = "tests/properties/test_prop_lossless.py"
MATERIAL = "tests/unit/keys/test_keys_material.py"
READER = "tests/unit/keys/test_keys_reader.py"
READER_EVENTS = "tests/unit/encoder/test_encoder_reader.py"
READER_SESSION = "tests/unit/query/test_query_reader.py"
REPLACE = "tests/stores/test_store_replace.py"
REWRAP = "tests/unit/rewrap/test_rewrap.py"
REWRAP_REFUSALS = "tests/unit/rewrap/test_rewrap_refusals.py"
ROTATION = "tests/unit/jobs/test_jobs_rotation.py"
ROTATION_BLOCKS = "tests/unit/policy/test_policy_rotation.py"
OUTPUT = "tests/unit/wire/test_wire_transport_output.py"
OVERLAP = "tests/unit/query/test_query_overlap.py"
PATTERN_FIELDS = "tests/unit/encoder/test_encoder_pattern_fields.py"
PATTERNS = "tests/unit/profile/test_profile_patterns.py"
PFX = "tests/unit/crypto/test_crypto_ipcrypt_pfx.py"
EXPORT = "tests/unit/cli/test_cli_export.py"
VIEWS = "tests/unit/cli/test_cli_views.py"
TAIL = "tests/unit/query/test_query_tail.py"
QUESTIONS = "tests/properties/test_prop_questions.py"
EXPIRE = "tests/stores/test_store_expire.py"
DUCKDB_FILE = "tests/stores/test_store_duckdb_file.py"
PAGES = "tests/stores/test_store_pages.py"
WIRE_QUERY = "tests/unit/wire/test_wire_query.py"
COMPILE = "tests/unit/query/test_query_compile.py"
EVALUATE = "tests/unit/query/test_query_evaluate.py"
EXPLAIN = "tests/unit/query/test_query_explain.py"
OBJECTS = "tests/unit/wire/test_wire_objects.py"
PARSE = "tests/unit/query/test_query_parse.py"
ORIGINALS = "tests/unit/encoder/test_encoder_originals.py"
PROFILE = "tests/unit/profile/test_profile_model.py"
REJECTS = "tests/unit/encoder/test_encoder_rejects.py"
RESPELLED = "tests/unit/encoder/test_encoder_respelled.py"
SHIPPER = "tests/unit/shipping/test_shipping_shipper.py"
SPOOL = "tests/unit/shipping/test_shipping_spool.py"
RING = "tests/unit/keys/test_keys_ring.py"
ROUND_TRIP = "tests/properties/test_prop_round_trip.py"
SCHEMES = "tests/unit/schemes/test_schemes.py"
SESSION = "tests/unit/query/test_query_session.py"
SIV = "tests/unit/crypto/test_crypto_siv.py"
STREAM_FAULTS = "tests/e2e/test_e2e_stream_faults.py"
SURVEY = "tests/unit/survey/test_survey_adversarial.py"
SURVEY_SURICATA = "tests/unit/survey/test_survey_suricata.py"
TAMPERING = "tests/unit/encoder/test_encoder_tampering.py"
WIRE = "tests/unit/wire/test_wire_encoding.py"
WRONG_KEY = "tests/unit/encoder/test_encoder_wrong_key.py"
YAML = "tests/unit/profile/test_profile_yaml.py"

MUTANTS = (
    # --- keys --------------------------------------------------------------------------------
    Mutant(
        "the length is not in HKDF's info",
        "keys/derive.py",
        {"lp(purpose, params, uint32(length))": "lp(purpose, params)"},
        (DERIVE,),
    ),
    Mutant(
        "parameters are not in HKDF's info",
        "keys/derive.py",
        {"lp(purpose, params, uint32(length))": "lp(purpose, uint32(length))"},
        (DERIVE,),
    ),
    Mutant(
        "all keyspaces share one key",
        "keys/derive.py",
        {"lp(labels.KEYSPACE, name.encode())": "lp(labels.KEYSPACE)"},
        (DERIVE,),
    ),
    Mutant(
        "parts of a label run together",
        "keys/derive.py",
        {'len(part).to_bytes(4, "big") + part': "part"},
        (DERIVE,),
    ),
    Mutant(
        "a ring's MAC is not checked",
        "keys/ring.py",
        {
            "if not hmac.compare_digest(content.mac.encode(), "
            "ring_mac(content, wrapping_key).encode()):": "if False:"
        },
        (f"{RING}::test_edits_by_hand_break_the_mac",),
    ),
    Mutant(
        "a ring's roots are not compared with their names",
        "keys/ring.py",
        {"if keys.kid.hex() != epoch.kid or keys.kcv.hex() != epoch.kcv:": "if False:"},
        (f"{RING}::test_a_root_that_is_not_the_one_beside_it_is_refused",),
    ),
    Mutant(
        "a wrapped key serves every role",
        "keys/ring.py",
        {
            "encrypt(secret.secret_key_access(), [tenant.encode(), *role])": (
                "encrypt(secret.secret_key_access(), [tenant.encode()])"
            ),
            "decrypt(bytes.fromhex(wrapped), [tenant.encode(), *role])": (
                "decrypt(bytes.fromhex(wrapped), [tenant.encode()])"
            ),
        },
        (f"{RING}::test_a_wrapped_key_serves_one_role_and_tenant_only",),
    ),
    Mutant(
        "an epoch's key check value is not compared",
        "keys/ring.py",
        {"if kcv is not None and not hmac.compare_digest(own, kcv):": "if False:"},
        (WRONG_KEY,),
    ),
    Mutant(
        "a header's key check value is not looked at",
        "zt/encoder/decrypt.py",
        {
            "self._ring.epoch(header.kid, decode_bytes(header.kcv))": (
                "self._ring.epoch(header.kid)"
            )
        },
        (WRONG_KEY,),
    ),
    Mutant(
        "a store's key check values are not looked at",
        "zt/query/fitting.py",
        {"ring.epoch(epoch.kid, kcv)": "ring.epoch(epoch.kid)"},
        (LIES,),
    ),
    Mutant(
        "an old copy of a ring is taken",
        "zt/query/fitting.py",
        {"if newest > ring.generation and": "if False and"},
        (SESSION,),
    ),
    Mutant(
        "key files may be open to others",
        "keys/files.py",
        {"if status.st_mode & (0o037 if _is_credential(path) else 0o077):": "if False:"},
        (f"{RING}::test_files_open_to_others_are_refused",),
    ),
    Mutant(
        "a secret shows itself",
        "keys/material.py",
        {'return f"<Secret of {len(self._data)} bytes>"': "return repr(self._data)"},
        (MATERIAL,),
    ),
    # --- ciphertexts -------------------------------------------------------------------------
    Mutant(
        "det's associated data lacks the keyspace",
        "zt/schemes/det.py",
        {"self._context = key.keyspace.encode()": 'self._context = b""'},
        (BINDINGS, ENCODER_FORMATS),
    ),
    Mutant(
        "associated data lack the header",
        "zt/crypto/siv.py",
        {
            "encrypt(plaintext, [self.header, *context])": "encrypt(plaintext, [*context])",
            "decrypt(envelope[HEADER_SIZE:], [self.header, *context])": (
                "decrypt(envelope[HEADER_SIZE:], [*context])"
            ),
        },
        (SIV,),
    ),
    Mutant(
        "an envelope's header is not checked",
        "zt/crypto/siv.py",
        {"if envelope[:HEADER_SIZE] != self.header:": "if False:"},
        (SIV,),
    ),
    Mutant(
        "base64 is decoded leniently",
        "analytics/wire/encoding.py",
        {"if data and data[-1] not in _LAST[len(data) % 4]:": "if False:"},
        (SIV, f"{WIRE}::test_other_spellings_of_bytes_are_refused"),
    ),
    Mutant(
        "a URI's associated data lack the keyspace",
        "zt/schemes/uri.py",
        {"self._keyspace = key.keyspace.encode()": 'self._keyspace = b""'},
        (BINDINGS, ENCODER_FORMATS),
    ),
    Mutant(
        "a URI's associated data lack its scheme",
        "zt/schemes/uri.py",
        {
            "number.encode(), self._keyspace, b'tel'": "number.encode(), self._keyspace, b''",
            "(self._keyspace, scheme.encode(), host.encode())": (
                '(self._keyspace, b"", host.encode())'
            ),
            "(self._keyspace, scheme.encode(), *_alone(has_user))": (
                '(self._keyspace, b"", *_alone(has_user))'
            ),
            'self._open(_unbase32(number), b"tel")': 'self._open(_unbase32(number), b"")',
            "self._open(_unbase32(envelope), scheme.encode(), ": (
                'self._open(_unbase32(envelope), b"", '
            ),
            "self._open(data, scheme.encode(), host.encode())": (
                'self._open(data, b"", host.encode())'
            ),
        },
        (f"{SCHEMES}::test_a_user_moved_to_another_host_does_not_open",),
    ),
    Mutant(
        "a host may lose its user",
        "zt/schemes/uri.py",
        {'return () if has_user else (b"",)': "return ()"},
        (SCHEMES,),
    ),
    Mutant(
        "a URI's user is not bound to its host",
        "zt/schemes/uri.py",
        {
            "(self._keyspace, scheme.encode(), host.encode())": "(self._keyspace, scheme.encode())",
            "self._open(data, scheme.encode(), host.encode())": "self._open(data, scheme.encode())",
        },
        (f"{SCHEMES}::test_a_user_moved_to_another_host_does_not_open",),
    ),
    Mutant(
        "base32 of a URI is decoded leniently",
        "zt/values/base32.py",
        {"if base32(data) != text:": "if False:"},
        (BINDINGS,),
    ),
    Mutant(
        "an encrypted host may be cut into any labels",
        "zt/schemes/uri.py",
        {"if _labels(envelope) != labels_:": "if False:"},
        (BINDINGS,),
    ),
    Mutant(
        "fpe's tweak lacks the keyspace",
        "zt/schemes/fpe.py",
        {"self._keyspace = lp(key.keyspace.encode())": 'self._keyspace = b""'},
        (BINDINGS,),
    ),
    Mutant(
        "fpe's tweak lacks the clear part",
        "zt/schemes/fpe.py",
        {"self._keyspace + clear.encode()": "self._keyspace"},
        (f"{SCHEMES}::test_the_clear_part_of_a_number_is_in_the_tweak",),
    ),
    Mutant(
        "fpe takes numbers that are too short to hide",
        "zt/schemes/fpe.py",
        {"if parts is None or len(parts[1]) < MIN_DIGITS:": "if parts is None:"},
        (f"{SCHEMES}::test_what_a_scheme_does_not_take",),
    ),
    Mutant(
        "ip's tweak lacks the keyspace",
        "zt/schemes/ip.py",
        {"lp(key.keyspace.encode(), bytes([version]))": 'lp(b"", bytes([version]))'},
        (BINDINGS,),
    ),
    Mutant(
        "ip's tweak lacks the family",
        "zt/schemes/ip.py",
        {"lp(key.keyspace.encode(), bytes([version]))": "lp(key.keyspace.encode())"},
        (BINDINGS,),
    ),
    Mutant(
        "an encrypted address may be spelled otherwise",
        "zt/schemes/ip.py",
        {"if address is None or str(address) != ciphertext:": "if address is None:"},
        (BINDINGS,),
    ),
    Mutant(
        "FF1 ignores its tweak",
        "zt/crypto/ff1.py",
        {"absorb(self._cipher, shape, self._tweak)": 'absorb(self._cipher, shape, b"")'},
        (FF1,),
    ),
    Mutant(
        "FF1 by column ignores its tweaks",
        "zt/crypto/ff1_column.py",
        {"absorb(self._cipher, shape, tweak)": 'absorb(self._cipher, shape, b"")'},
        (COLUMN,),
    ),
    Mutant(
        "FF1 takes the smallest domains",
        "zt/crypto/ff1.py",
        {"if moduli[0] * moduli[1] < MIN_DOMAIN:": "if False:"},
        (f"{FF1}::test_the_smallest_domain",),
    ),
    Mutant(
        "ipcrypt-pfx takes equal keys, which cancel out",
        "zt/crypto/ipcrypt_pfx.py",
        {"if first == second:": "if False:"},
        (f"{PFX}::test_equal_halves_of_a_key_are_refused",),
    ),
    Mutant(
        "grams lack their start mark",
        "zt/crypto/gram.py",
        {"FIRST = 1\n": "FIRST = 0\n"},
        (GRAM,),
    ),
    Mutant(
        "grams lack their end mark",
        "zt/crypto/gram.py",
        {"LAST = 2\n": "LAST = 0\n"},
        (GRAM,),
    ),
    # --- the opaque blob ---------------------------------------------------------------------
    Mutant(
        "the opaque blob is not padded",
        "zt/schemes/opaque.py",
        {"plaintext.ljust(-(-len(plaintext) // PADDING) * PADDING)": "plaintext"},
        (ENCODER_FORMATS,),
    ),
    Mutant(
        "the opaque blob is not bound to its event",
        "zt/schemes/opaque.py",
        {
            'seal(_padded(plaintext), b"event", decode_bytes(event_id))': (
                'seal(_padded(plaintext), b"event")'
            ),
            'seal(_padded(plaintext), b"event", event_id)': 'seal(_padded(plaintext), b"event")',
            'open(blob, b"event", decode_bytes(event_id))': 'open(blob, b"event")',
        },
        (BINDINGS,),
    ),
    Mutant(
        "a rejected line is not bound to its number",
        "zt/encoder/rejects.py",
        {
            'seal(lp(reject.raw), b"reject", uint32(line))': 'seal(lp(reject.raw), b"reject")',
            'open(record.opaque, b"reject", uint32(record.line))': (
                'open(record.opaque, b"reject")'
            ),
        },
        (REJECTS,),
    ),
    # --- seals and tags ----------------------------------------------------------------------
    Mutant(
        "an event's seal is not checked",
        "zt/encoder/seal.py",
        {"if not hmac.compare_digest(right, meta.seal):": "if False:"},
        (TAMPERING,),
    ),
    Mutant(
        "the seal lacks the event's id",
        "zt/encoder/seal.py",
        {"                _START,\n                ids,\n": "                _START,\n"},
        (ENCODER_FORMATS,),
    ),
    Mutant(
        "the seal lacks the profile",
        "zt/encoder/seal.py",
        {"decode_bytes(profile)) + uint32(4)": 'b"") + uint32(4)'},
        (ENCODER_FORMATS,),
    ),
    Mutant(
        "the seal lacks the fields' paths",
        "zt/encoder/seal.py",
        {"return lp(path.encode()) + (": "return _LP_EMPTY + ("},
        (TAMPERING,),
    ),
    Mutant(
        "the seal lacks places in arrays",
        "zt/encoder/seal.py",
        {"(_LP_EMPTY if position < 0 else lp(uint32(position)))": "_LP_EMPTY"},
        (TAMPERING,),
    ),
    Mutant(
        "the seal lacks JSON types",
        "zt/encoder/seal.py",
        {
            "return _LP_TEXT + len(data)": "return _LP_EMPTY + len(data)",
            "return _LP_TYPES[scalar_type(value)] +": "return _LP_EMPTY +",
        },
        (TAMPERING,),
    ),
    Mutant(
        "the seal lacks the opaque blob",
        "zt/encoder/seal.py",
        {"                opaque,\n": '                b"",\n'},
        (ENCODER_FORMATS,),
    ),
    Mutant(
        "a value record's tag is not checked",
        "zt/encoder/seal.py",
        {"results[n] = hmac.compare_digest(right, records[n].tag.encode())": "results[n] = True"},
        (GROUPS,),
    ),
    Mutant(
        "a value record's tag lacks the tokens",
        "zt/encoder/seal.py",
        {"_LENGTH.pack(end - start) + packed[start:end]": "_LENGTH.pack(0)"},
        (TAMPERING,),
    ),
    Mutant(
        "a value record's tag lacks the scheme",
        "zt/encoder/seal.py",
        {"scheme.encode(),": 'b"",'},
        (TAMPERING,),
    ),
    Mutant(
        "a header's tag is not checked",
        "zt/encoder/seal.py",
        {"if not hmac.compare_digest(self.compute(header), header.tag):": "if False:"},
        (TAMPERING,),
    ),
    # --- opening events ----------------------------------------------------------------------
    Mutant(
        "decrypting does not look at the tags of value records",
        "zt/encoder/chunk.py",
        {"if not is_right:": "if False:"},
        (TAMPERING,),
    ),
    Mutant(
        "seals are not checked where events are opened together",
        "zt/encoder/opening.py",
        {"list(map(hmac.compare_digest, right, given))": "[True] * len(given)"},
        (TAMPERING,),
    ),
    Mutant(
        "derived fields stay in events that are opened together",
        "zt/encoder/opening.py",
        {"del event[path]": "pass"},
        (DERIVED,),
    ),
    Mutant(
        "a key with an escaped quote hides its dots",
        "zt/encoder/input.py",
        {'b"\\\\" in raw or _KEY_WITH_DOT.search(raw)': "_KEY_WITH_DOT.search(raw)"},
        (HOSTILE,),
    ),
    Mutant(
        "another tenant's header is taken",
        "zt/encoder/decrypt.py",
        {"if header.tenant != self._ring.tenant:": "if False:"},
        (WRONG_KEY,),
    ),
    Mutant(
        "a run in which most events fail goes on",
        "zt/encoder/decrypt.py",
        {"if total < minimum or 2 * report.failed_events <= total:": "if True:"},
        (WRONG_KEY,),
    ),
    Mutant(
        "a respelled field wins over a hidden one",
        "zt/encoder/placing.py",
        {"if key in branch:": "if False:"},
        (RESPELLED,),
    ),
    Mutant(
        "an original is put where no canonical value stood",
        "zt/encoder/placing.py",
        {"        branch[place]  # it must be there\n": ""},
        (ORIGINALS,),
    ),
    Mutant(
        "derived fields stay in opened events",
        "zt/encoder/decrypt.py",
        {"if event.pop(path, None) is None and occupies(event, path):": "if False:"},
        (f"{COLUMNS}::test_every_value",),
    ),
    # --- encrypting events -------------------------------------------------------------------
    Mutant(
        "fields that no rule names stay clear",
        "zt/encoder/plan.py",
        {
            "return None if pattern is None else": (
                'return FieldRule(scheme="clear") if pattern is None else'
            )
        },
        (f"{ROUND_TRIP}::test_what_the_cloud_sees_is_what_the_profile_lets_it",),
    ),
    Mutant(
        "what was not canonical does not come back",
        "zt/encoder/made.py",
        {"_originals([values[n] for n in numbers], canonicals),": "repeat(None),"},
        (f"{LOSSLESS}::test_every_odd_value",),
    ),
    Mutant(
        "dropped fields are kept",
        "zt/encoder/shapes.py",
        {"DROPPED if is_dropped else HIDDEN": "HIDDEN if is_dropped else HIDDEN"},
        (f"{ROUND_TRIP}::test_dropped_fields_are_gone_and_nothing_else",),
    ),
    Mutant(
        "a derived field replaces one that is there",
        "zt/encoder/layout.py",
        {'(place.path + ".").startswith(path + ".") for place': "False for place"},
        (DERIVED,),
    ),
    Mutant(
        "arrays of objects leave as their field does",
        "zt/encoder/shapes.py",
        {"if not is_scalar_array(value):": "if False:"},
        (f"{ROUND_TRIP}::test_events_come_back_as_they_were",),
    ),
    Mutant(
        "values that only Python takes for equal share a ciphertext",
        "zt/encoder/made.py",
        {"if set(map(type, values)) == {str}:": "if True:"},
        (COLUMNS,),
    ),
    Mutant(
        "an event may outgrow a line of the wire",
        "zt/encoder/group.py",
        {"if max(map(len, lines)) <= MAX_LINE:": "if True:"},
        (REJECTS,),
    ),
    Mutant(
        "a sender's keys may fill the header without end",
        "zt/encoder/plan.py",
        {"if limit is not None and len(self._by_pattern) >= limit:": "if False:"},
        (PATTERN_FIELDS,),
    ),
    Mutant(
        "coarsened times are not rounded",
        "zt/schemes/coarsen.py",
        {"parse_time(value) // self._step * self._step": "parse_time(value)"},
        (f"{SCHEMES}::test_coarsening_hides_what_is_within_a_step",),
    ),
    Mutant(
        "equal events have equal ids",
        "zt/encoder/event_id.py",
        {"_HEAD.pack(8, position, len(event))": "_HEAD.pack(8, 0, len(event))"},
        (f"{BATCHES}::test_equal_events_do_not_show_as_equal",),
    ),
    # --- profiles ----------------------------------------------------------------------------
    Mutant(
        "ambiguous patterns are taken",
        "zt/profile/model.py",
        {"if pair := ambiguous(filter(is_pattern, self.fields)):": "if pair := ():"},
        (PATTERNS,),
    ),
    Mutant(
        "clear is taken for what a preset protects",
        "zt/profile/load.py",
        {'if rule.scheme != "clear":': "if True:"},
        (PATTERNS,),
    ),
    Mutant(
        "a profile may name reserved keyspaces",
        "zt/profile/model.py",
        {
            "if self.keyspace is not None and self.keyspace.startswith(labels.RESERVED_PREFIX):": (
                "if False:"
            )
        },
        (YAML,),
    ),
    Mutant(
        "a profile's name is not keyed",
        "zt/profile/model.py",
        {"digest_size=16, key=key.secret_key_access())": "digest_size=16)"},
        (PROFILE,),
    ),
    # --- answers -----------------------------------------------------------------------------
    Mutant(
        "groups of numbers and addresses need no value record",
        "zt/query/groups.py",
        {"if ct in doubtful and ct not in proven:": "if False:"},
        (GROUPS,),
    ),
    Mutant(
        "the records that prove groups are not checked",
        "zt/query/groups.py",
        {"if is_right and record.scheme": "if record.scheme"},
        (GROUPS,),
    ),
    Mutant(
        "a record of another scheme proves a group",
        "zt/query/groups.py",
        {"if is_right and record.scheme == field.scheme.name:": "if is_right:"},
        (LIES,),
    ),
    Mutant(
        "records that answer a look-up are not checked",
        "zt/query/dictionary.py",
        {"if not all(dictionary.tag.verified(records)):": "if False:"},
        (LIES,),
    ),
    Mutant(
        "answers are not evaluated again",
        "zt/query/session.py",
        {"if in_time and matches(where, found.view, found.plan):": "if True:"},
        (SESSION,),
    ),
    Mutant(
        "a store may return one event twice",
        "zt/query/session.py",
        {"if line.meta.id in seen:": "if False:"},
        (SESSION,),
    ),
    # --- questions ---------------------------------------------------------------------------
    Mutant(
        "hidden values of visible fields count in the check",
        "zt/query/evaluate.py",
        {"if entry_of(field, value) != HIDDEN": ""},
        (EVALUATE,),
    ),
    Mutant(
        "an alias asks for its first field only",
        "zt/query/evaluate.py",
        {"targets(node.path, plan.profile)\n": "targets(node.path, plan.profile)[:1]\n"},
        (EVALUATE,),
    ),
    Mutant(
        "an alias may shadow a field",
        "zt/profile/aliases.py",
        {"if alias in names or patterns.match(alias)": "if patterns.match(alias)"},
        (PROFILE,),
    ),
    Mutant(
        "the depth of questions is unbounded",
        "zt/query/lucene/scan.py",
        {"if self._depth > MAX_DEPTH:": "if False:"},
        (PARSE,),
    ),
    Mutant(
        "the terms of questions are unbounded",
        "zt/query/lucene/scan.py",
        {"if self._terms > MAX_TERMS:": "if False:"},
        (PARSE,),
    ),
    Mutant(
        "the words of questions are unbounded",
        "zt/query/lucene/cursor.py",
        {"if len(self.tokens) >= MAX_TOKENS:": "if False:"},
        (PARSE,),
    ),
    Mutant(
        "the patterns of questions are unbounded",
        "zt/query/lucene/values.py",
        {"if len(word) > MAX_PATTERN and": "if False and"},
        (PARSE,),
    ),
    Mutant(
        "a question steers the terminal",
        "zt/query/lucene/limits.py",
        {'return "".join(c if c.isprintable() else " " for c in text)': "return text"},
        (PARSE,),
    ),
    Mutant(
        "a minus beside OR means something",
        "zt/query/lucene/tree.py",
        {
            "if isinstance(item, tree.Plus | tree.Prohibit):\n            raise": (
                "if False:\n            raise"
            )
        },
        (PARSE,),
    ),
    Mutant(
        "a part that was looked up counts without a look at it",
        "zt/query/dictionary.py",
        {"if test(field.reveal_text(ct))": "if True"},
        (COMPILE,),
    ),
    Mutant(
        "events are fetched without bound",
        "zt/query/session.py",
        {"> MAX_RESIDUAL:": "> 10**12:"},
        (EXPLAIN,),
    ),
    Mutant(
        "lines that are read together may be cut anew",
        "analytics/wire/strict_json.py",
        {'line.startswith(b"{") and line.endswith(b"}")': "True"},
        (OBJECTS,),
    ),
    Mutant(
        "keys may stand twice in lines that are read together",
        "analytics/wire/strict_json.py",
        {"_colons(text) == _colons(_ENCODER.encode_lines(values))": "True"},
        (OBJECTS,),
    ),
    Mutant(
        "lines that are read together may be nested deeply",
        "analytics/wire/strict_json.py",
        {"or _may_be_too_deep(text)": ""},
        (OBJECTS,),
    ),
    Mutant(
        "a cell of CSV may be a formula",
        "zt/cli/export.py",
        {'    return "\'" + text': "    return text"},
        (EXPORT,),
    ),
    Mutant(
        "JSON may steer the terminal",
        "zt/cli/runtime.py",
        {"if not text.isprintable():": "if False:"},
        (VIEWS,),
    ),
    Mutant(
        "a cell of a table may steer the terminal",
        "zt/cli/tables.py",
        {"return Text(printable(text), style)": "return Text(text, style)"},
        (VIEWS,),
    ),
    Mutant(
        "a followed search leaves out what comes late",
        "zt/query/tail.py",
        {"min(max(map(_time, found)), now) - self._lateness": "max(map(_time, found))"},
        (TAIL,),
    ),
    Mutant(
        "a followed search remembers without bound",
        "zt/query/tail.py",
        {"if len(self._seen) >= MAX_EVENTS:": "if False:"},
        (TAIL,),
    ),
    Mutant(
        "a superset below a NOT is not relaxed",
        "zt/query/compile.py",
        {"found.append(own if widens or step.exact else NOTHING)": "found.append(own)"},
        (f"{QUESTIONS}::test_named_answers_equal_those_of_a_plain_reference",),
    ),
    Mutant(
        "a NOT does not turn what may be widened",
        "zt/query/compile.py",
        {"self._filter(part, widens=not widens)": "self._filter(part, widens=widens)"},
        (f"{QUESTIONS}::test_named_answers_equal_those_of_a_plain_reference",),
    ),
    Mutant(
        "distinct values of several epochs are not united",
        "zt/query/merge.py",
        {"values.add(text)": "values.add(str(self._size))"},
        (f"{QUESTIONS}::test_named_answers_equal_those_of_a_plain_reference",),
    ),
    # --- stores ------------------------------------------------------------------------------
    Mutant(
        "positions are used again",
        "analytics/store/duckdb/state.py",
        {'number(connection, "SELECT position FROM meta"),': "0,"},
        (EXPIRE,),
    ),
    Mutant(
        "the newest finding expires",
        "analytics/store/duckdb/expiry.py",
        {"until <= ? AND sequence < (SELECT max(sequence) FROM findings)": "until <= ?"},
        (EXPIRE,),
    ),
    Mutant(
        "spill follows a link",
        "analytics/store/duckdb/limits.py",
        {"folder.is_symlink() or ": ""},
        (DUCKDB_FILE,),
    ),
    Mutant(
        "spill is readable by others",
        "analytics/store/duckdb/limits.py",
        {
            "folder.mkdir(mode=0o700, exist_ok=True)": (
                "folder.mkdir(exist_ok=True); folder.chmod(0o755)"
            )
        },
        (DUCKDB_FILE,),
    ),
    Mutant(
        "a look-up of nothing is one of everything",
        "analytics/wire/query.py",
        {"self.cts, self.every))) != 1:": "self.cts, self.every))) > 1:"},
        (WIRE_QUERY,),
    ),
    Mutant(
        "the texts of a filter are unbounded",
        "analytics/wire/query.py",
        {" or texts > MAX_FILTER_TEXTS": ""},
        (WIRE_QUERY,),
    ),
    Mutant(
        "a page repeats the last row",
        "analytics/store/duckdb/statements.py",
        {"({', '.join(columns)}) > (": "({', '.join(columns)}) >= ("},
        (PAGES,),
    ),
    # --- reader rings ------------------------------------------------------------------------
    Mutant(
        "what holds keys may be copied",
        "keys/material.py",
        {
            'raise TypeError("key material refuses to be pickled or copied")': (
                "return object.__reduce_ex__(self, 4)"
            )
        },
        (MATERIAL,),
    ),
    Mutant(
        "a granted key serves every keyspace",
        "keys/content.py",
        {
            'return b"keyspace", bytes.fromhex(kid), keyspace.encode()': (
                'return b"keyspace", bytes.fromhex(kid), b""'
            )
        },
        (f"{READER}::test_keys_are_bound_to_keyspace_and_epoch",),
    ),
    Mutant(
        "a granted key serves every epoch",
        "keys/content.py",
        {
            'return b"keyspace", bytes.fromhex(kid), keyspace.encode()': (
                'return b"keyspace", b"", keyspace.encode()'
            )
        },
        (f"{READER}::test_keys_are_bound_to_keyspace_and_epoch",),
    ),
    Mutant(
        "every reader ring can verify events",
        "keys/reader.py",
        {
            "granted |= {labels.SEAL_KEYSPACE} if seal else set()": (
                "granted |= {labels.SEAL_KEYSPACE}"
            )
        },
        (READER,),
    ),
    Mutant(
        "reserved keyspaces are granted by their names",
        "keys/reader.py",
        {"if keyspace.startswith(labels.RESERVED_PREFIX):": "if False:"},
        (READER,),
    ),
    Mutant(
        "a reader believes events without their seal",
        "zt/encoder/decrypt.py",
        {
            "        self._ring.require(labels.SEAL_KEYSPACE)\n": "",
            "        plan.seal.verify(line.body, meta)\n": (
                "        if plan.keys.grants(labels.SEAL_KEYSPACE):\n"
                "            plan.seal.verify(line.body, meta)\n"
            ),
        },
        (f"{READER_EVENTS}::test_nothing_is_believed_without_the_seal",),
    ),
    Mutant(
        "a header may name another profile",
        "zt/encoder/decrypt.py",
        {"if profile.id(self._ring.tenant_key) != header.profile:": "if False:"},
        (f"{READER_EVENTS}::test_a_header_can_not_pass_one_profile_off_as_another",),
    ),
    Mutant(
        "originals of fields that a reader does not open come out",
        "zt/encoder/decrypt.py",
        {'if plan.opens(".".join(keys)):': "if True:"},
        (READER_EVENTS,),
    ),
    Mutant(
        "a policy decides without what events hide",
        "zt/policy/run.py",
        {"    session.ring.require(labels.EVENT_KEYSPACE)\n": ""},
        (f"{READER_SESSION}::test_a_policy_needs_the_seal_and_the_jobs_fields",),
    ),
    Mutant(
        "a reader ring may share the full ring's wrapping key",
        "keys/reader.py",
        {"if ring.is_wrapped_by(wrapping_key):": "if False:"},
        (READER,),
    ),
    Mutant(
        "a reader judges jobs without the fields that they look at",
        "zt/jobs/events.py",
        {"            self.require(path)\n": "            pass\n"},
        (READER_SESSION,),
    ),
    Mutant(
        "a reader blocks without knowing whether a sender is proven",
        "zt/policy/evidence.py",
        {"            events.require(PROVEN)\n": "            pass\n"},
        (READER_SESSION,),
    ),
    Mutant(
        "a number of one profile is proven under another one",
        "zt/schemes/fpe.py",
        {'self.name = f"fpe:{keep}" if keep else "fpe"': 'self.name = "fpe"'},
        (LIES,),
    ),
    # --- rotation and rewrap -----------------------------------------------------------------
    Mutant(
        "a ring may have two active epochs",
        "keys/content.py",
        {'and sum(epoch.state == "active" for epoch in epochs) <= 1': "and True"},
        (RING,),
    ),
    Mutant(
        "a store may invent a newer ring",
        "zt/query/fitting.py",
        {
            "            missing[header.kid, header.profile] = error\n": (
                "            missing[header.kid, header.profile] = error\n"
                "            newest = max(newest, header.generation)\n"
            )
        },
        (SESSION,),
    ),
    Mutant(
        "an epoch that ends where a question starts is passed over",
        "zt/query/overlap.py",
        {"epoch.last >= since": "epoch.last > since"},
        (OVERLAP,),
    ),
    Mutant(
        "a rotation blinds detections",
        "analytics/jobs/straddling.py",
        {"-(-threshold // (len(others) + 1))": "-(-threshold // 1)"},
        (ROTATION,),
    ),
    Mutant(
        "an honest finding hides what a made-up one claims",
        "zt/jobs/straddling.py",
        {"if not (is_met and is_backed(finding)):": "if not is_met:"},
        (ROTATION_BLOCKS,),
    ),
    Mutant(
        "events outside of what was asked for count",
        "zt/jobs/events.py",
        {"if found.time is None or not since <= found.time < until:": "if found.time is None:"},
        (ROTATION,),
    ),
    Mutant(
        "an event that another writer moved is overrun",
        "analytics/store/duckdb/epochs.py",
        {"elif part.kid != kid:": "elif False:"},
        (REPLACE,),
    ),
    Mutant(
        "an epoch with events is forgotten",
        "analytics/store/duckdb/epochs.py",
        {"    if left:\n": "    if False:\n"},
        (REPLACE,),
    ),
    Mutant(
        "rewrap does not open what it sends",
        "zt/rewrap/again.py",
        {"if self._comes_back(raw, event_id, old):": "if True:"},
        (REWRAP_REFUSALS,),
    ),
    Mutant(
        "rewrap goes on under a ring that rotated",
        "zt/rewrap/rewrap.py",
        {"            self._check_ring()\n": ""},
        (f"{REWRAP}::test_a_rotation_meanwhile_ends_the_run",),
    ),
    # --- streams -----------------------------------------------------------------------------
    Mutant(
        "shipped: a batch leaves the spool before the store has it",
        "zt/shipping/sending.py",
        {"self._spool.put_back(parcels)": "self._spool.settle(parcels)"},
        (f"{SHIPPER}::test_an_outage_is_bridged_and_batches_are_resent_byte_by_byte",),
    ),
    Mutant(
        "shipped: batches of another ring are sent",
        "zt/shipping/sending.py",
        {"            if reason:": "            if False:"},
        (f"{SHIPPER}::test_batches_of_another_tenant_are_not_sent",),
    ),
    Mutant(
        "shipped: a damaged batch is sent",
        "zt/shipping/folder.py",
        {"if digest_of(data) != parcel.digest:": "if False:"},
        (f"{SPOOL}::test_a_damaged_batch_is_set_aside_and_said",),
    ),
    Mutant(
        "shipped: batches are open to others",
        "zt/shipping/folder.py",
        {"os.open(temporary, flags, 0o600)": "os.open(temporary, flags, 0o666)"},
        (f"{SPOOL}::test_only_the_owner_can_read_it",),
    ),
    Mutant(
        "shipped: a spool has no bound",
        "zt/shipping/spool.py",
        {"excess = self._stored + size - self._limit": "excess = 0"},
        (f"{SPOOL}::test_when_it_is_full_the_oldest_go_and_are_counted",),
    ),
    Mutant(
        "shipped: plaintext in memory has no bound",
        "zt/shipping/pending.py",
        {"                if room < 0:": "                if False:"},
        (f"{SHIPPER}::test_memory_for_plaintext_is_bounded",),
    ),
    Mutant(
        "shipped: two runs give equal events one name",
        "zt/shipping/packing.py",
        {'f"{name}/{uuid4()}"': 'f"{name}"'},
        (f"{SHIPPER}::test_equal_events_of_one_run_and_of_two_are_different_events",),
    ),
    Mutant(
        "shipped: a store is used without a look whose it is",
        "zt/shipping/outlets.py",
        {"if self._checked != fits:": "if False:"},
        (f"{SHIPPER}::test_a_store_of_another_ring_is_refused_before_anything_is_sent",),
    ),
    Mutant(
        "a signal cuts a line",
        "analytics/wire/transport/output.py",
        {"end, stop = self._line_end(data, done), None": "end, stop = done, None"},
        (OUTPUT,),
    ),
    Mutant(
        "a full disk leaves part of a line",
        "analytics/wire/transport/output.py",
        {"if part and stat": "if part < 0 and stat"},
        (OUTPUT,),
    ),
    Mutant(
        "a cut stream passes for a whole one",
        "analytics/wire/transport/compressed.py",
        {"if self._part is not None or self._is_empty:": "if self._is_empty:"},
        (COMPRESSED,),
    ),
    Mutant(
        "a small file may expand into memory without end",
        "analytics/wire/transport/compressed.py",
        {"self._part.decompress(given, limit)": "self._part.decompress(given, 1 << 40)"},
        (f"{COMPRESSED}::test_a_bomb_is_read_in_bounded_memory",),
    ),
    Mutant(
        "a long line is held whole",
        "analytics/wire/transport/batches.py",
        {"if len(self._held) > self._longest:": "if len(self._held) > self._longest * 10**6:"},
        (f"{COMPRESSED}::test_a_bomb_is_read_in_bounded_memory",),
    ),
    Mutant(
        "a batch of long lines has no bound",
        "analytics/wire/transport/batches.py",
        {"while end > start and total > size:": "while end > start and total > size * 10**6:"},
        (BATCH_CUTS,),
    ),
    Mutant(
        "more is read after a stop",
        "analytics/wire/transport/batches.py",
        {"while stop is None or stop.number is None:": "while True:"},
        (f"{BATCH_CUTS}::test_after_a_stop_nothing_is_read",),
    ),
    Mutant(
        "an interrupted output appears as a whole one",
        "zt/cli/flow.py",
        {"raise typer.Exit(stop.exit_code)": "return"},
        (f"{STREAM_FAULTS}::test_a_signal_leaves_no_output_file",),
    ),
    # --- suggested profiles ------------------------------------------------------------------
    Mutant(
        "words that name somebody elsewhere are suggested as clear",
        "zt/survey/judge.py",
        {"if not identities.isdisjoint(figures.counts):": "if False:"},
        (SURVEY,),
    ),
    Mutant(
        "fields named as secrets or persons are judged by their looks",
        "zt/survey/judge.py",
        {'if role in ("secret", "session", "place", "person"):': "if False:"},
        (SURVEY_SURICATA,),
    ),
    Mutant(
        "few values of any look are suggested as clear",
        "zt/survey/harmless.py",
        {'if figures.counted("word", "number", "integer") != figures.told:': "if False:"},
        (SURVEY,),
    ),
    Mutant(
        "numbers that jump are suggested as clear times",
        "zt/survey/harmless.py",
        {"rises = figures.rising >= 0.9 * (numbers - 1)": "rises = True"},
        (SURVEY,),
    ),
    Mutant(
        "a key that names somebody shows",
        "zt/survey/sample.py",
        {"self.is_map = self.is_map or names_somebody(key)": "pass"},
        (SURVEY,),
    ),
    Mutant(
        "a key that names somebody shows in dotted spelling",
        "zt/survey/sample.py",
        {"for segment, inner in pairwise(segments):": "for segment, inner in ():"},
        (SURVEY,),
    ),
    Mutant(
        "a dotted key at the top that names somebody shows",
        "zt/survey/sample.py",
        {"path is None and names_somebody(segments[0])": "False"},
        (SURVEY,),
    ),
    Mutant(
        "a field's name may write rules of a suggested profile",
        "zt/survey/yaml_text.py",
        {"default_style='\"'": "default_style=None"},
        (f"{SURVEY}::test_hostile_names_make_no_other_profile",),
    ),
    Mutant(
        "identities in clear raise no alarm",
        "zt/survey/verdicts.py",
        {"if shown or shared or (role in _NAMED and figures.told):": "if False:"},
        (SURVEY_SURICATA,),
    ),
    Mutant(
        "names of keys in clear raise no alarm",
        "zt/survey/verdicts.py",
        {"if figures.path.endswith(STAR):": "if False:"},
        (SURVEY,),
    ),
    # --- stores in OpenSearch -----------------------------------------------------------------
    Mutant(
        "a cluster need not prove who it is",
        "analytics/store/opensearch/connection.py",
        {"    if not address.verify:\n": "    if address.verify:\n"},
        (f"{OPENSEARCH}_errors.py::test_who_can_not_prove_who_it_is_is_told_nothing",),
    ),
    Mutant(
        "an address shows its password",
        "analytics/store/opensearch/address.py",
        {"field(default=None, repr=False)": "field(default=None)"},
        (f"{OPENSEARCH}_address.py",),
    ),
    Mutant(
        "a password may stand in a store's URL",
        "analytics/store/opensearch/address.py",
        {'    if "@" in rest and ":" in rest.rpartition("@")[0]:': "    if False:"},
        (f"{OPENSEARCH}_address.py",),
    ),
    Mutant(
        "a store is reached in plaintext unasked",
        "analytics/store/opensearch/address.py",
        {"    if address.is_exposed and _PLAINTEXT not in options:": "    if False:"},
        (f"{OPENSEARCH}_address.py",),
    ),
    Mutant(
        "plaintext to a store is not logged",
        "analytics/store/opensearch/connection.py",
        {"    if address.is_exposed:": "    if False:"},
        (f"{OPENSEARCH}_errors.py",),
    ),
    Mutant(
        "a prefix may name the indices of several tenants",
        "analytics/store/opensearch/address.py",
        {"    if not _PREFIX.fullmatch(text):": "    if not text:"},
        (f"{OPENSEARCH}_address.py",),
    ),
    Mutant(
        "an API key may end its header",
        "analytics/store/opensearch/address.py",
        {'not re.fullmatch(r"[!-~]+", api_key)': "not api_key"},
        (f"{OPENSEARCH}_address.py",),
    ),
    Mutant(
        "an engine's answer gets into messages",
        "analytics/store/opensearch/errors.py",
        {
            "isinstance(text, str) and _TYPE.fullmatch(text):": "isinstance(text, str):",
        },
        (f"{OPENSEARCH}_errors.py",),
    ),
    Mutant(
        "documents get into messages",
        "analytics/store/opensearch/errors.py",
        {"{len(error.errors)}": "{error.errors}"},
        (f"{OPENSEARCH}_errors.py",),
    ),
    *LURE_MUTANTS,
    *PROBE_MUTANTS,
    *HONEYNET_MUTANTS,
    *HONEYPOT_MUTANTS,
    *HUNT_MUTANTS,
    *RECORDER_MUTANTS,
)
