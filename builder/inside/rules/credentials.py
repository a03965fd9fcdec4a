"""Passwords and keys of services, except those for networks and accounts."""

import re
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree

_URL_PASSWORD: Final = re.compile(r"(\w://)[^\s/@\"']+@")
_APT_PROXY: Final = re.compile(r"\s*Acquire::\w+::(?:\S+::)?Proxy", re.IGNORECASE)
_WITH_URLS: Final = (
    "/etc/apt/sources.list", "/etc/apt/sources.list.d/*", "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d/*", "/etc/environment", "/etc/profile.d/*.sh",
    "/etc/systemd/system.conf.d/*", "/etc/wgetrc", "/etc/pip.conf", "/etc/gitconfig",
)  # fmt: skip


def _strip_urls(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for path in expand(tree, _WITH_URLS):
        lines = lines_of(tree, path)
        if lines is not None:
            kept = [_URL_PASSWORD.sub(r"\1", line) for line in lines if not _APT_PROXY.match(line)]
            put_lines(tree, path, kept)
    return ()


RULES: Final = (
    Rule(
        name="package-sources",
        reason="passwords and addresses of private package archives and proxies",
        removes=("/etc/apt/auth.conf", "/etc/apt/auth.conf.d/*", "/etc/netrc", "/etc/.netrc",
                 "/.netrc"),
        edits=_WITH_URLS,
        edit=_strip_urls,
    ),
    Rule(
        name="directory-services",
        reason="the machine's own keys in a Kerberos, Active Directory or LDAP domain",
        removes=("/etc/krb5.keytab", "/etc/krb5.keytab.*", "/var/lib/krb5kdc/*",
                 "/etc/krb5kdc/stash", "/var/lib/sss/db/*", "/var/lib/sss/mc/*",
                 "/var/lib/sss/secrets/*", "/etc/sssd/sssd.conf", "/etc/sssd/conf.d/*",
                 "/etc/ldap.secret", "/etc/libnss-ldap.secret", "/etc/pam_ldap.secret",
                 "/etc/libnss-ldap.conf", "/etc/pam_ldap.conf", "/etc/nslcd.conf"),
    ),
    Rule(
        name="file-sharing",
        reason="passwords of shares, and Samba's machine account",
        removes=("/var/lib/samba/private/*", "/var/lib/samba/*.tdb",
                 "/etc/samba/smbpasswd", "/etc/samba/*credential*", "/etc/samba/.*credential*",
                 "/etc/cifs-*", "/etc/*.smbcredentials", "/etc/.smb*", "/etc/smbcred*",
                 "/etc/davfs2/secrets", "/etc/rclone.conf", "/etc/exports.d/*"),
        empties=("/etc/exports",),
    ),
    Rule(
        name="mail-passwords",
        reason="passwords for sending and fetching mail",
        removes=("/etc/exim4/passwd.client", "/etc/postfix/sasl_passwd*",
                 "/etc/postfix/sasl/sasl_passwd*", "/etc/msmtprc", "/etc/fetchmailrc",
                 "/etc/ssmtp/ssmtp.conf", "/etc/nullmailer/remotes", "/etc/esmtprc"),
    ),
    Rule(
        name="private-keys",
        reason="private keys of certificates that belong to the source machine",
        removes=("/etc/ssl/private/*", "/etc/letsencrypt", "/var/lib/acme", "/etc/cups/ssl/*",
                 "/etc/dovecot/private/*", "/etc/pki/tls/private/*", "/etc/ssh/*_key",
                 "/etc/ssh/sshd_ca*", "/etc/ssh/authorized_keys*", "/etc/docker/key.json",
                 "/etc/docker/certs.d/*",
                 "/etc/containers/auth.json", "/etc/rancher", "/etc/kubernetes",
                 "/var/lib/rancher", "/var/lib/kubelet/*", "/var/lib/etcd/*", "/var/lib/tor/*"),
    ),
    Rule(
        name="secure-boot-keys",
        reason="keys by which anybody could sign kernel modules that the source machine trusts",
        removes=("/var/lib/dkms/mok.*", "/var/lib/shim-signed/mok/*", "/var/lib/sbctl/*",
                 "/usr/share/secureboot/keys", "/etc/dkms/*.key", "/etc/dkms/*.priv"),
    ),
    Rule(
        name="history-of-settings",
        reason="etckeeper's repository has every earlier /etc: password hashes, keys, networks",
        removes=("/etc/.git", "/etc/.hg", "/etc/.bzr", "/etc/_darcs", "/etc/.etckeeper"),
    ),
    Rule(
        name="cloud-instance",
        reason="the identity, user data and initial password of an installation",
        removes=("/var/lib/cloud/*", "/etc/cloud/cloud.cfg.d/*installer*",
                 "/etc/cloud/ds-identify.cfg"),
    ),
    Rule(
        name="virtual-machines",
        reason="memory, passwords and addresses of virtual machines",
        removes=("/var/lib/libvirt/qemu/save/*", "/var/lib/libvirt/qemu/ram/*",
                 "/var/lib/libvirt/qemu/snapshot/*", "/var/lib/libvirt/qemu/nvram/*",
                 "/var/lib/libvirt/dnsmasq/*", "/var/lib/libvirt/secrets/*",
                 "/etc/libvirt/secrets/*", "/etc/libvirt/qemu/*.xml"),
    ),
    Rule(
        name="shared-services",
        reason="passwords of printers, remote desktops and backups",
        removes=("/etc/cups/printers.conf*", "/etc/cups/subscriptions.conf*",
                 "/etc/cups/passwd.md5", "/etc/x11vnc.pass", "/etc/vnc/config.d/*",
                 "/etc/redis/users.acl", "/etc/xrdp/*.pem",
                 "/etc/xrdp/rsakeys.ini", "/etc/anydesk/*", "/etc/teamviewer/*",
                 "/opt/teamviewer/config/*", "/etc/restic*", "/etc/borgmatic*",
                 "/etc/duplicity", "/etc/ddclient*", "/etc/inadyn.conf", "/etc/npmrc",
                 "/etc/nut/upsd.users", "/etc/rsyncd.secrets", "/boot/grub/user.cfg"),
    ),
    Rule(
        name="fingerprints",
        reason="fingerprints and faces",
        removes=("/var/lib/fprint/*", "/var/lib/howdy/*", "/lib/security/howdy/models/*"),
    ),
    Rule(
        name="second-factors",
        reason="secrets of one-time passwords and hardware keys",
        removes=("/etc/u2f_mappings", "/etc/Yubico/*", "/etc/yubikey*", "/var/yubico/*",
                 "/etc/users.oath", "/etc/security/opie*", "/etc/opiekeys"),
    ),
)  # fmt: skip
