"""Secrets recognised by their own form, such as a provider's key prefix, whatever surrounds them.

A table of our own: scanners that know more forms are made for whole repositories (detect-secrets takes
over a hundred times as long per megabyte, see `benchmarks/capture/redaction.py`) and none reads a stream.
Every pattern begins with fixed characters, every repetition in it is possessive, and none that something
must follow is unbounded: matching takes time in proportion to the text, whatever the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["FORMS", "HEADS", "PARTIAL_HEADS", "Form"]


class Form(NamedTuple):
    """How one kind of secret looks."""

    what: str
    heads: tuple[str, ...]
    """What it begins with, at the beginning of a word."""
    rest: str
    """A regular expression for what follows the head."""
    source: str
    """Where the form is documented."""


_GITLEAKS = "gitleaks/gitleaks, config/gitleaks.toml"
_WORDY = r"[\w\-]"

# (?=[A-Za-z_\-]{0,n}\d): a digit soon. Names of CSS classes and file names have the same heads.
_TABLE = (
    Form(
        "OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse … keys", ("sk-",),
        rf"(?=[A-Za-z_\-]{{0,40}}\d){_WORDY}{{16,}}+", "platform.openai.com/docs/api-reference",
    ),
    Form("Groq key", ("gsk_",), r"[A-Za-z0-9]{24,}+", "console.groq.com/docs/quickstart"),
    Form("xAI key", ("xai-",), r"[A-Za-z0-9]{32,}+", "docs.x.ai/docs/tutorial"),
    Form("Perplexity key", ("pplx-",), r"[A-Za-z0-9]{32,}+", _GITLEAKS),
    Form("NVIDIA key", ("nvapi-",), rf"{_WORDY}{{32,}}+", "docs.nvidia.com/ngc"),
    Form("Hugging Face token", ("hf_", "api_org_"), r"[A-Za-z0-9]{30,}+", "huggingface.co/docs/hub"),
    Form("Replicate token", ("r8_",), r"[A-Za-z0-9]{32,}+", "replicate.com/docs/topics/security/api-tokens"),
    Form("Cerebras key", ("csk-",), r"[a-z0-9]{32,}+", "inference-docs.cerebras.ai"),
    Form("Together key", ("tgp_v1_",), rf"{_WORDY}{{24,}}+", "docs.together.ai"),
    Form("Tavily key", ("tvly-",), rf"(?=[A-Za-z_\-]{{0,12}}\d){_WORDY}{{16,}}+", "docs.tavily.com"),
    Form("Firecrawl key", ("fc-",), r"[0-9a-f]{32}+", "docs.firecrawl.dev"),
    Form("Pinecone key", ("pcsk_",), r"\w{32,}+", "docs.pinecone.io/guides/projects/manage-api-keys"),
    Form("LangSmith key", ("lsv2_", "ls__"), r"[a-z0-9_]{24,}+", "docs.langchain.com/langsmith"),
    Form(
        "Google API key", ("AIza",), rf"{_WORDY}{{35}}+", "cloud.google.com/docs/authentication/api-keys",
    ),
    Form("Google OAuth secret and tokens", ("GOCSPX-", "ya29."), r"[\w\-.]{20,}+", _GITLEAKS),
    Form(
        "AWS access key id", ("AKIA", "ASIA", "ABIA", "ACCA"), r"[A-Z2-7]{16}+(?![A-Za-z0-9])",
        "docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
    ),
    Form("Amazon Bedrock key", ("ABSK", "bedrock-api-key-"), r"[A-Za-z0-9+/]{40,}+={0,2}+", _GITLEAKS),
    Form(
        "GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"[A-Za-z0-9]{30,}+",
        "docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github",
    ),
    Form("GitHub fine-grained token", ("github_pat_",), r"\w{40,}+", "docs.github.com, as above"),
    Form(
        "GitLab token",
        ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "gloas-", "glsoat-", "glft-", "glagent-"),
        r"[\w\-.]{16,}+", "docs.gitlab.com/security/tokens",
    ),
    Form("Atlassian token", ("ATATT3", "ATBB", "ATCTT3"), r"[\w\-=]{24,}+", _GITLEAKS),
    Form(
        "Slack token", ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xoxo-", "xapp-"),
        r"[\w\-.]{10,}+", "api.slack.com/authentication/token-types",
    ),
    Form("Slack webhook", ("hooks.slack.com/services/",), r"[\w/]{20,}+", _GITLEAKS),
    Form(
        "Discord webhook", ("discord.com/api/webhooks/", "discordapp.com/api/webhooks/"), r"[\w/\-]{20,}+",
        _GITLEAKS,
    ),
    Form(
        "Stripe key", ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"), r"[A-Za-z0-9]{16,}+",
        "docs.stripe.com/keys",
    ),
    Form("SendGrid key", ("SG.",), r"[\w\-]{16,64}+\.[\w\-]{16,}+", "docs.sendgrid.com"),
    Form("Mailgun key", ("key-",), r"[0-9a-f]{32}+", _GITLEAKS),
    Form("Twilio key", ("SK",), r"[0-9a-f]{32}+(?![A-Za-z0-9])", "twilio.com/docs/iam/api-keys"),
    Form("npm token", ("npm_",), r"[A-Za-z0-9]{30,}+", "npm's documentation, about access tokens"),
    Form("PyPI token", ("pypi-AgEI",), rf"{_WORDY}{{32,}}+", "PyPI's help, API tokens"),
    Form("RubyGems key", ("rubygems_",), r"[0-9a-f]{40,}+", _GITLEAKS),
    Form("Docker Hub token", ("dckr_pat_", "dckr_oat_"), rf"{_WORDY}{{20,}}+", "docs.docker.com/security"),
    Form("Shopify token", ("shpat_", "shpca_", "shppa_", "shpss_"), r"[0-9a-fA-F]{24,}+", _GITLEAKS),
    Form("DigitalOcean token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"[0-9a-f]{40,}+", "docs.digitalocean.com"),
    Form("Databricks token", ("dapi", "dkea"), r"[0-9a-f]{32}+(?:-\d)?+(?![A-Za-z0-9])", _GITLEAKS),
    Form("Supabase key", ("sbp_", "sb_secret_"), r"[\w\-]{24,}+", "supabase.com/docs/guides/api/api-keys"),
    Form("Linear key", ("lin_api_", "lin_oauth_"), r"[A-Za-z0-9]{24,}+", _GITLEAKS),
    Form("Notion token", ("ntn_",), r"[A-Za-z0-9]{32,}+", "developers.notion.com/changelog"),
    Form("Airtable token", ("pat",), r"[A-Za-z0-9]{14}\.[0-9a-f]{32,}+", "airtable.com/developers"),
    Form("Postman key", ("PMAK-",), r"[0-9a-f\-]{40,}+", _GITLEAKS),
    Form("New Relic key", ("NRAK-", "NRII-", "NRJS-"), rf"{_WORDY}{{19,}}+", _GITLEAKS),
    Form("Grafana token", ("glsa_", "glc_"), r"[\w=+/]{32,}+", "grafana.com/docs"),
    Form("Sentry token", ("sntrys_", "sntryu_"), r"[\w=+/\-]{32,}+", "docs.sentry.io/account/auth-tokens"),
    Form("Doppler token", ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa."), r"[\w.\-]{32,}+", "docs.doppler.com"),
    Form("HashiCorp Vault token", ("hvs.", "hvb.", "hvr."), rf"{_WORDY}{{24,}}+", "developer.hashicorp.com"),
    Form("PlanetScale token", ("pscale_tkn_", "pscale_pw_", "pscale_oauth_"), r"[\w\-.=]{24,}+", _GITLEAKS),
    Form("Figma token", ("figd_",), rf"{_WORDY}{{32,}}+", "figma.com/developers/api"),
    Form("Netlify token", ("nfp_",), r"[A-Za-z0-9]{32,}+", "docs.netlify.com"),
    Form("Square token", ("sq0atp-", "sq0csp-"), rf"{_WORDY}{{20,}}+", _GITLEAKS),
    Form("age key", ("AGE-SECRET-KEY-1",), r"[A-Z0-9]{40,}+", "github.com/FiloSottile/age"),
    Form(
        "JSON Web Token", ("eyJ",),
        rf"{_WORDY}{{8,1000}}+\.{_WORDY}{{8,}}+(?:\.{_WORDY}*+){{0,3}}+", "RFC 7519",
    ),
    Form("key of an e2b sandbox", ("e2b_",), r"[0-9a-f]{32,}+", "e2b.dev/docs"),
)  # fmt: skip


def _pattern() -> re.Pattern[str]:
    """Return one pattern for all forms, by their first characters: a text is gone through once."""
    by_first: dict[str, list[str]] = {}
    for form in _TABLE:
        for head in form.heads:
            by_first.setdefault(head[0], []).append(re.escape(head[1:]) + form.rest)
    forms = "|".join(f"{first}(?:{'|'.join(found)})" for first, found in by_first.items())
    return re.compile(rf"(?<![A-Za-z0-9])(?:{forms})")


FORMS: re.Pattern[str] = _pattern()
"""Any of the forms, whole."""
HEADS: tuple[str, ...] = tuple(head for form in _TABLE for head in form.heads)
PARTIAL_HEADS: frozenset[str] = frozenset(head[:end] for head in HEADS for end in range(1, len(head)))
"""What may become a head with the next character."""
