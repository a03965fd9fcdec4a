"""The forms of names and words that more than one file of settings has, as regular expressions.

Each is for the whole value. Python and ECMAScript read them alike.
"""

from typing import Final

_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"  # of a host name
_SALT: Final = r"[./A-Za-z0-9]"

# adduser's rule (NAME_REGEX of adduser.conf(5)) within useradd's 32 characters.
USER_NAME: Final = r"[a-z][a-z0-9_-]{0,31}"
# Without what breaks passwd(5)'s comment field, or a shell.
FULL_NAME: Final = r'[^\x00-\x1f\x7f-\x9f:,="\\$`]{1,100}'
# RFC 1123; at most 63 characters, as Linux takes them.
HOSTNAME: Final = rf"(?=.{{1,63}}$){_LABEL}(\.{_LABEL})*"
# Only the shape of these three: only the system knows whether it has them.
LOCALE: Final = r"C\.UTF-8|[a-z]{2,3}_[A-Z]{2}(\.[A-Za-z0-9-]{1,20})?(@[a-z]{1,20})?"
KEYBOARD: Final = r"[a-z]{2,20}(,[a-z]{2,20}){0,3}"
TIMEZONE: Final = r"UTC|[A-Z][A-Za-z_]{1,30}(/[A-Za-z0-9_+-]{1,30}){1,2}"
# crypt(5): the methods that it does not advise against, with costs that a login can wait for.
PASSWORD_HASH: Final = "|".join(
    (
        rf"\$g?y\$[./A-Za-z0-9]{{1,16}}\${_SALT}{{1,86}}\${_SALT}{{43}}",
        rf"\$7\${_SALT}{{11,97}}\${_SALT}{{43}}",
        rf"\$2[aby]\$(0[4-9]|1[0-9])\${_SALT}{{53}}",
        rf"\$6\$(rounds=[1-9][0-9]{{3,6}}\$)?{_SALT}{{1,16}}\${_SALT}{{86}}",
        rf"\$5\$(rounds=[1-9][0-9]{{3,6}}\$)?{_SALT}{{1,16}}\${_SALT}{{43}}",
    )
)
