#!/usr/bin/env bash
# Unpacks a Python of a Debian suite, and the C library it needs, into a folder of its own, where
# chroot can run it: debian.sh VERSION SUITE FOLDER. Nothing is installed on this machine.
set -eu
version=$1 suite=$2
root=$(realpath -m "$3").partial
rm -rf "$root"

mkdir -p "$root"/apt/{lists/partial,cache/archives/partial,parts}
touch "$root/apt/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$key] http://deb.debian.org/debian $suite main" > "$root/apt/sources.list"
apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$root/apt/sources.list" -o Dir::Etc::sourceparts="$root/apt/parts" \
    -o Dir::State::lists="$root/apt/lists" -o Dir::State::status="$root/apt/status" \
    -o Dir::Cache="$root/apt/cache" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o APT::Sandbox::User=root "$@"
}
apt update
apt install --yes --download-only --no-install-recommends "python$version" "python$version-venv" bash dash coreutils

# Debian's folders /bin, /lib and so on are links, which packages count on.
for folder in bin sbin lib lib64; do
  mkdir -p "$root/usr/$folder"
  ln -sfn "usr/$folder" "$root/$folder"
done
for package in "$root"/apt/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root"
done
rm -r "$root/apt"
mkdir -p "$root"/{proc,dev,tmp}
# What the package's own script would make; Debian's pip wants it even when it fetches nothing.
cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
echo "root:x:0:0::/root:/bin/sh" > "$root/etc/passwd"
echo "root:x:0:" > "$root/etc/group"
rm -rf "${root%.partial}"
mv "$root" "${root%.partial}"
