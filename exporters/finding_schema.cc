// The schema text that `oddverb schema finding` prints. Every key is required
// and no other is allowed, so that a reader can rely on each of them.
#include <string_view>

#include "exporters/finding_json.h"

namespace oddverb {
namespace {

constexpr std::string_view kSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "urn:oddverb:schema:finding:v1",
  "title": "oddverb finding, version 1",
  "description": "Something was seen in a Kubernetes audit log. An id may come again with state update or final; the newest object then replaces the earlier ones. Texts from the log are cut to a bounded length.",
  "type": "object",
  "additionalProperties": false,
  "required": ["schema", "id", "cluster", "rule", "detector", "source", "rule_version", "severity", "confidence", "score", "threshold", "state", "warming", "title", "summary", "time", "first_seen", "last_seen", "count", "entity", "entity_kind", "who", "where", "what", "why", "normal", "next", "benign_checks", "decoded", "evidence", "attack", "practice"],
  "properties": {
    "schema": {"enum": ["oddverb.finding/v1"]},
    "id": {"description": "The same for the same log, configuration and rule: a key for deduplication.", "type": "string", "pattern": "^[0-9a-f]{32}$"},
    "cluster": {"description": "Configured name of the cluster; may be empty.", "type": "string"},
    "rule": {"description": "What was seen, e.g. forbidden.fanout, or the id of a Sigma or Falco rule.", "type": "string"},
    "detector": {"description": "The part that saw it, as named in the configuration and in metrics.", "type": "string"},
    "source": {"description": "builtin, or where the rule came from.", "type": "string"},
    "rule_version": {"type": "integer"},
    "severity": {"enum": ["info", "low", "medium", "high", "critical"]},
    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    "score": {"description": "The contributions of why sum up to it.", "type": "number"},
    "threshold": {"description": "The score from which on it is reported.", "type": "number"},
    "state": {"enum": ["open", "update", "final"]},
    "warming": {"description": "Decided with little history of the entity.", "type": "boolean"},
    "title": {"type": "string"},
    "summary": {"description": "One sentence.", "type": "string"},
    "time": {"description": "Event time of the decision.", "$ref": "#/$defs/time"},
    "first_seen": {"$ref": "#/$defs/time"},
    "last_seen": {"$ref": "#/$defs/time"},
    "count": {"description": "Events behind it.", "type": "integer"},
    "entity": {"description": "Whom it is about.", "type": "string"},
    "entity_kind": {"description": "serviceaccount, user, node, anonymous, address and so on.", "type": "string"},
    "who": {
      "type": "object",
      "additionalProperties": false,
      "required": ["user", "groups", "credential_id", "impersonated", "pod", "node"],
      "properties": {
        "user": {"type": "string"},
        "groups": {"$ref": "#/$defs/texts"},
        "credential_id": {"type": "string"},
        "impersonated": {"type": "string"},
        "pod": {"type": "string"},
        "node": {"type": "string"}
      }
    },
    "where": {
      "type": "object",
      "additionalProperties": false,
      "required": ["source_ip", "claimed_ips", "user_agent"],
      "properties": {
        "source_ip": {"description": "The address that the trusted proxies vouch for.", "type": "string"},
        "claimed_ips": {"description": "Addresses that only the client claims.", "$ref": "#/$defs/texts"},
        "user_agent": {"type": "string"}
      }
    },
    "what": {
      "type": "object",
      "additionalProperties": false,
      "required": ["verbs", "resources", "namespaces", "names"],
      "properties": {
        "verbs": {"$ref": "#/$defs/texts"},
        "resources": {"$ref": "#/$defs/texts"},
        "namespaces": {"$ref": "#/$defs/texts"},
        "names": {"$ref": "#/$defs/texts"}
      }
    },
    "why": {
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["feature", "value", "contribution"],
        "properties": {
          "feature": {"type": "string"},
          "value": {"type": "string"},
          "contribution": {"type": "number"}
        }
      }
    },
    "normal": {"description": "What this entity usually does.", "type": "string"},
    "next": {"description": "Commands to run now.", "$ref": "#/$defs/texts"},
    "benign_checks": {"description": "What would make it harmless.", "$ref": "#/$defs/texts"},
    "decoded": {
      "description": "How a hidden command was read, layer by layer.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["layer", "text"],
        "properties": {
          "layer": {"type": "string"},
          "text": {"type": "string"}
        }
      }
    },
    "evidence": {
      "description": "The events to look up in the log.",
      "type": "array",
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["audit_id", "time", "verb", "uri", "code"],
        "properties": {
          "audit_id": {"type": "string"},
          "time": {"$ref": "#/$defs/time"},
          "verb": {"type": "string"},
          "uri": {"type": "string"},
          "code": {"description": "HTTP status; 0 where the event has none.", "type": "integer"}
        }
      }
    },
    "attack": {"description": "MITRE ATT&CK techniques.", "$ref": "#/$defs/texts"},
    "practice": {"description": "The oddverb security practices (1 to 9) that it breaks.", "type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}}
  },
  "$defs": {
    "time": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$"},
    "texts": {"type": "array", "items": {"type": "string"}}
  }
}
)json";

}  // namespace

std::string_view FindingSchemaJson() { return kSchema; }

}  // namespace oddverb
