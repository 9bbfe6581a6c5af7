# What the scripts need to know of the machine they run on. Sourced, not run.

have() { command -v "$1" >/dev/null 2>&1; }

postgres_folder() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1) || true
    if [ -z "$found" ] && have initdb; then found=$(dirname "$(command -v initdb)"); fi
    echo "$found"
}

# Installs Debian packages that are missing.
install_packages() {
    local missing=() package
    for package in "$@"; do
        case $package in
            postgresql) [ -n "$(postgres_folder)" ] || missing+=(postgresql) ;;
            chromium) have chromium || have google-chrome || missing+=(chromium) ;;
            chromium-driver) have chromedriver || missing+=(chromium-driver) ;;
            # Debian puts it where not everybody looks.
            pgbouncer) have pgbouncer || [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer) ;;
            # For a server that speaks another language.
            locales) [ -e /usr/share/i18n/locales/de_DE ] || missing+=(locales) ;;
            # For TLS to PostgreSQL, which the tests build in.
            libssl-dev) { have pkg-config && pkg-config --exists openssl; } || missing+=(libssl-dev) ;;
            *) have "$package" || missing+=("$package") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || { echo "missing: ${missing[*]}. Install them, or run this as root or with sudo at hand." >&2; return 1; }
        root=(sudo)
    fi
    have apt-get || { echo "missing: ${missing[*]}. Install them with this system's package manager." >&2; return 1; }
    echo "installing ${missing[*]}"
    # Debian would start a cluster of its own, on the port everybody uses.
    "${root[@]}" mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' | "${root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# A port that nobody listens on. Not a promise: start_postgres tries again when it was taken in between.
free_port() {
    local port
    while port=$((20000 + RANDOM % 20000)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}
