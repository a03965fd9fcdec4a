"""Tokens of online services, by their documented shapes.

Sources: GitHub's list of secret-scanning patterns, and each service's own documentation.
"""

import re
from typing import Final

from builder.inside.search_rules.rule import Occurrence, SearchRule, regex

_WORD: Final = "[A-Za-z0-9_-]"
_SHAPES: Final = (
    r"\b(AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",  # AWS
    rf"\bABSK{_WORD}{{60}}",
    r"\bgh[pousr]_[A-Za-z0-9]{36}",  # GitHub
    r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    rf"\bgl(pat|dt|rt|rtr|cbt|ptt|ft|soat|imt|agent|oas|ffct)-{_WORD}{{20}}",  # GitLab
    rf"\b_gitlab_session={_WORD}{{32}}",
    r"\bxox[abeoprs]-[0-9A-Za-z-]{16}",  # Slack
    r"\bxapp-[0-9]-[A-Z0-9]{8,}-[0-9]{8,}-",
    r"hooks\.slack\.com/(services|workflows|triggers)/[A-Z0-9]{8,}/[A-Za-z0-9]{8,}/[A-Za-z0-9]{16}",
    r"\b(sk|rk)_(live|test)_[0-9A-Za-z]{16}",  # Stripe
    r"\bwhsec_[A-Za-z0-9+/]{24}",
    rf"\bAIza{_WORD}{{35}}",  # Google
    rf"\bya29\.{_WORD}{{20}}",
    rf"\bGOCSPX-{_WORD}{{28}}",
    rf"\b1//0{_WORD}{{40}}",
    r"\bnpm_[A-Za-z0-9]{36}",
    rf"\bpypi-AgE{_WORD}{{50}}",
    rf"(\b|bot)[0-9]{{8,10}}:AA{_WORD}{{33}}",  # Telegram
    r"\b(AccountKey|SharedAccessKey|SharedSecretKey)=[A-Za-z0-9+/]{40}",  # Azure
    r"\bsig=[A-Za-z0-9%]{40,}(&|%3[Dd])",
    r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31}",
    r"(discord|discordapp)\.com/api/webhooks/[0-9]{15,20}/[A-Za-z0-9_-]{60}",
    rf"\b[MNO]{_WORD}{{23,27}}\.{_WORD}{{6}}\.{_WORD}{{27}}",
    rf"\bSG\.{_WORD}{{22}}\.{_WORD}{{43}}",  # SendGrid
    r"\bSK[0-9a-f]{32}\b",  # Twilio
    r"\bdo[opr]_v1_[a-f0-9]{64}",  # DigitalOcean
    rf"\bHRKU-{_WORD}{{36}}",  # Heroku
    rf"\bhv[sbr]\.{_WORD}{{24}}",  # HashiCorp
    rf"\b[A-Za-z0-9]{{14}}\.atlasv1\.{_WORD}{{60}}",
    r"\bdp\.(pt|st|ct|sa|scim|audit)\.([a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40}",  # Doppler
    rf"\bdckr_(pat|oat)_{_WORD}{{20}}",  # Docker
    r"\"auth\"\s{0,8}:\s{0,8}\"[A-Za-z0-9+/]{8,}={0,2}\"",
    r"\"identitytoken\"\s{0,8}:\s{0,8}\"[^\"]{8}",
    r"\bsk-(ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{20}",  # Anthropic, OpenAI, OpenRouter
    r"\bsk-[A-Za-z0-9]{32}",
    r"\b(xai|gsk|pplx|r8)[-_][A-Za-z0-9]{32}",  # xAI, Groq, Perplexity, Replicate
    r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}",  # Cloudflare
    r"\bshp(at|ca|pa|ss|tka|ua)_[a-fA-F0-9]{32}",  # Shopify
    r"\bkey-[0-9a-f]{32}\b",  # Mailgun
    r"\b[0-9a-f]{32}-us[0-9]{1,2}\b",  # Mailchimp
    rf"\bxkeysib-[0-9a-f]{{64}}-{_WORD}{{16}}",  # Brevo
    rf"\bsq0(atp|csp|idp)-{_WORD}{{22}}",  # Square
    r"\bdapi[0-9a-f]{32}\b",  # Databricks
    r"\bhf_[A-Za-z]{34}\b",  # Hugging Face
    r"\blin_(api|oauth)_[A-Za-z0-9]{32}",
    r"\bntn_[A-Za-z0-9]{40}",  # Notion
    r"\bgl(sa|c)_[A-Za-z0-9+/_=]{32}",  # Grafana
    r"\bNRAK-[A-Z0-9]{27}",  # New Relic
    rf"\bpscale_(tkn|pw|oauth)_{_WORD}{{32}}",
    r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}",  # Postman
    r"\bpul-[0-9a-f]{40}",
    rf"\bsntry[su]_{_WORD}{{40}}",
    r"\brubygems_[0-9a-f]{48}",
    r"\bcio[A-Za-z0-9]{32}\b",  # crates.io
    rf"\bFlyV1 {_WORD}{{40}}",
    rf"\btskey-(auth|api|client|scim|webhook)-{_WORD}{{16}}",  # Tailscale
    r"\bsbp_[0-9a-f]{40}",  # Supabase
    rf"\bops_eyJ{_WORD}{{60}}",  # 1Password
    r"\bATATT3[A-Za-z0-9_=-]{60}",  # Atlassian
    r"\bATBB[A-Za-z0-9]{32}",
    rf"\bsl\.[A-Za-z0-9]{{1,3}}{_WORD}{{120}}",  # Dropbox
    r"\bEAA[A-Za-z0-9]{80}",  # Meta
    rf"\bnfp_{_WORD}{{36}}",  # Netlify
    r"\bLTAI[A-Za-z0-9]{16,24}\b",  # Alibaba
    r"\bAKID[A-Za-z0-9]{32}\b",  # Tencent
    r"\by0_[A-Za-z0-9_-]{40}",  # Yandex
    r"\baio_[A-Za-z0-9]{28}\b",  # Adafruit
    r"\bAKCp[A-Za-z0-9]{60}",  # Artifactory
    r"\bPVEAPIToken=[^\s!]{1,40}![^\s=]{1,40}=[0-9a-f-]{36}",  # Proxmox
    r"\"machineToken\"\s{0,8}:\s{0,8}\"[A-Za-z0-9]{20}",  # Ubuntu Pro
    r"\"private_key_id\"\s{0,8}:\s{0,8}\"[0-9a-f]{40}\"",  # Google's service accounts
    r"\.webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}",
    rf"maker\.ifttt\.com/trigger/[^/\s]{{1,64}}/(json/)?with/key/{_WORD}{{16}}",
    rf"\b(hc-ping\.com|healthchecks\.io/ping)/{_WORD}{{22}}",
    rf"\b(betteruptime|uptime\.betterstack)\.com/api/v1/heartbeat/{_WORD}{{22}}",
    r"freedns\.afraid\.org/[a-z/.]{0,40}\?[A-Za-z0-9+/]{32}",
    rf"\bsyt_{_WORD}{{4,80}}_[A-Za-z0-9]{{20}}_",  # Matrix
    r"\boauth:[a-z0-9]{30}\b",  # Twitch
    rf"\blive_[0-9]{{6,12}}_{_WORD}{{24}}",
    rf"\beyJ{_WORD}{{10,}}\.eyJ{_WORD}{{10,}}\.{_WORD}{{16}}",  # JWT
)


def _is_no_sample(seen: Occurrence) -> bool:
    """Whether the token is one that a machine made: such have letters and digits, and vary."""
    token = seen.matched.rpartition(b"=")[2] or seen.matched
    return len(set(token)) > 9 and b"EXAMPLE" not in token.upper()


_LICENCE: Final = re.compile(rb"\b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b")


def _has_licence(seen: Occurrence) -> bool:
    """Whether a key of five groups follows: letters and digits."""
    found = None if seen.binary else _LICENCE.search(seen.after[:96])
    if found is None:
        return False
    return re.search(rb"[0-9]", found[0]) is not None and len(set(found[0])) > 9


TOKEN_RULES: Final = (
    SearchRule(kind="token", strings=tuple(map(regex, _SHAPES)), judge=_is_no_sample),
    SearchRule(
        kind="token",
        strings=(regex(r"(licen[cs]e|product|serial|activation|cd)([-_ ]?(key|code|number|no))?\b",
                       "nocase"),),
        judge=_has_licence,
    ),
)  # fmt: skip
