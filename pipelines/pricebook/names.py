"""The vocabulary of logged names: how gateways write providers, and which affixes leave a model's price alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

PROVIDER_MAP: Final = {
    "anthropic-text": "anthropic",
    "aws-bedrock": "aws",
    "az-ai-inference": "azure",
    "az-ai-openai": "azure",
    "cohere-chat": "cohere",
    "fireworks-ai": "fireworks",
    "gcp-gemini": "google",
    "gcp-gen-ai": "google",
    "gcp-vertex-ai": "google",
    "gemini": "google",
    "google-ai-studio": "google",
    "google-gla": "google",
    "google-vertex": "google",
    "meta-llama": "meta",
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshot-ai": "moonshotai",
    "novita-ai": "novita",
    "openai-chat": "openai",
    "perplexity-ai": "perplexity",
    "text-completion-openai": "openai",
    "together-ai": "together",
    "togetherai": "together",
    "voyage": "voyageai",
    "voyage-ai": "voyageai",
    "workers-ai": "cloudflare",
    "xai": "x-ai",
    "z-ai": "zai",
    "zhipu": "zhipuai",
}
"""Names as LiteLLM, OpenTelemetry, Portkey and Helicone write them, folded, to the catalogue's provider id."""

PROVIDER_FAMILIES: Final = (("amazon-bedrock", "aws"), ("azure", "azure"), ("bedrock", "aws"), ("vertex", "google"))
"""Starts of folded names that come in many forms: 'vertex_ai-anthropic_models', 'bedrock_converse', 'azure_ai'."""

SELF_HOSTED: Final = frozenset(
    {
        "custom",
        "custom-openai",
        "hosted-vllm",
        "llamafile",
        "lm-studio",
        "ollama",
        "ollama-chat",
        "openai-like",
        "self-hosted",
        "sglang",
        "text-generation-inference",
        "vllm",
        "xinference",
    }
)
"""Servers of one's own: the vendor's list price is not what they cost, however the model is called."""

NO_PROVIDER: Final = frozenset({"", "-other", "litellm", "litellm-proxy", "other", "unknown"})
"""Names that say nothing, so that the model's own name has to."""

YEAR: Final = r"20\d{2}"
MONTH: Final = r"(?:0[1-9]|1[0-2])"
DAY: Final = r"(?:0[1-9]|[12]\d|3[01])"
VERSION: Final = rf"[-@]{YEAR}{MONTH}{DAY}|-{YEAR}-{MONTH}-{DAY}|[-@]latest|@default"

REMOVABLE_SUFFIX: Final = {"google": rf"{VERSION}|-00\d"}
"""Suffixes without which the catalogue may be asked again. A bare '-0613' or '-03-2025' is not one: prices differ."""

ACCEPTED_SUFFIX: Final = {
    "aws": rf"{VERSION}|-v\d+|-?\d*:\d+|:\d+k",
    "google": rf"{VERSION}|-00\d|-preview|-exp|-{MONTH}-{DAY}|-{MONTH}{DAY}|-{MONTH}-{YEAR}",
    "mistral": rf"{VERSION}|-\d{{2}}{MONTH}|-instruct",
    "openai": rf"{VERSION}|-preview|-{MONTH}{DAY}|\.ft-[0-9a-f]+",
}
"""What may follow a catalogue clause that says 'starts with' or 'contains'."""

BEDROCK_REGION: Final = r"(?:us-gov|us|eu|apac|global|jp|au|ca|in|sa)\."
BEDROCK_VENDOR: Final = (
    r"(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|moonshotai|nvidia|openai|qwen|writer|zai)\."
)
BEDROCK_PATH: Final = (
    r"(?:arn:aws[\w-]*:bedrock:[\w-]*:\d*:(?:inference-profile|foundation-model)/)?"
    r"(?:(?:converse|converse_like|invoke|[a-z]{2}(?:-gov)?-[a-z]+-\d)/)*"
)
REMOVABLE_PREFIXES: Final = {
    "aws": (BEDROCK_PATH, BEDROCK_REGION),
    "google": (r"(?:publishers/\w+/)?(?:models/)?(?:google/|anthropic/)?",),
}
"""Prefixes without which the catalogue may be asked again, one after the other."""

ACCEPTED_PREFIX: Final = {"aws": rf"(?:{BEDROCK_REGION})?(?:{BEDROCK_VENDOR})?"}
"""What may precede a catalogue clause that says 'contains' or 'ends with'."""

COMPACT_DATE: Final = re.compile(rf"-({YEAR})({MONTH})({DAY})(?=[-:]|$)")
FINE_TUNE: Final = re.compile(r"^(ft:[^:]+):.*$")


@dataclass(frozen=True, slots=True)
class Affixes:
    """One provider's recognised affixes, compiled; the accepted ones match every text, at worst with length 0."""

    removable_prefixes: tuple[re.Pattern[str], ...]
    removable_suffix: re.Pattern[str]
    accepted_prefix: re.Pattern[str]
    accepted_suffix: re.Pattern[str]

    def prefix_chars(self, text: str) -> int:
        found = self.accepted_prefix.match(text)
        return found.end() if found else 0

    def suffix_chars(self, text: str) -> int:
        found = self.accepted_suffix.search(text)
        return len(text) - found.start() if found else 0


@cache
def affixes_of(provider_id: str) -> Affixes:
    return Affixes(
        removable_prefixes=tuple(re.compile(rf"^(?:{p})") for p in REMOVABLE_PREFIXES.get(provider_id, ())),
        removable_suffix=re.compile(rf"(?:{REMOVABLE_SUFFIX.get(provider_id, VERSION)})+$"),
        accepted_prefix=re.compile(ACCEPTED_PREFIX.get(provider_id, "")),
        accepted_suffix=re.compile(rf"(?:{ACCEPTED_SUFFIX.get(provider_id, VERSION)})+$"),
    )


def fold(provider_name: str) -> str:
    """Write a provider's name the one way in which names are compared: 'Azure.AI_OpenAI' is 'azure-ai-openai'."""
    return re.sub(r"[._\s]+", "-", provider_name.strip().lower())


def with_dashed_date(model: str) -> str:
    """Write a compact date as the catalogue does: 'gpt-5.2-20251211' is 'gpt-5.2-2025-12-11'."""
    return COMPACT_DATE.sub(r"-\1-\2-\3", model)


def without_fine_tune(model: str) -> str:
    """The base of an OpenAI fine-tune, which is what is priced: 'ft:gpt-4o-2024-08-06:acme::id' without the owner."""
    return FINE_TUNE.sub(r"\1", model)
