TERMUX_PKG_HOMEPAGE=https://github.com/termux/pathpatch
TERMUX_PKG_DESCRIPTION="Install-time placeholder path patcher for packages"
TERMUX_PKG_LICENSE="MIT"
TERMUX_PKG_MAINTAINER="@termux"
TERMUX_PKG_VERSION="0.1.0"
TERMUX_PKG_SRCURL=${TERMUX_PKG_HOMEPAGE}/archive/refs/tags/v${TERMUX_PKG_VERSION}.tar.gz
# Of the released archive; the build refuses another one.
TERMUX_PKG_SHA256=SKIP_CHECKSUM
TERMUX_PKG_DEPENDS="dpkg, libarchive, libbz2, libdeflate, libinih, libjansson, liblzma, libnettle, libsqlite, xxhash, zlib, zstd"
TERMUX_PKG_ESSENTIAL=true
TERMUX_PKG_EXTRA_CONFIGURE_ARGS="
-DPATHPATCH_TESTS=OFF
"

termux_step_create_debscripts() {
	local hook="$TERMUX_PKG_SRCDIR/dpkg-hook/debian"

	cp "$hook/pathpatch.triggers" ./triggers
	# Those of Debian, with the shell of this prefix and without debhelper's mark.
	sed -e "1s|.*|#!$TERMUX_PREFIX/bin/sh|" -e '/^#DEBHELPER#$/d' "$hook/pathpatch.postinst" >./postinst
	chmod 0755 ./postinst
}
