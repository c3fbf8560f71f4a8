# What the scripts beside it share: which Compose there is, a setting of .env, and patience.

if docker compose version >/dev/null 2>&1; then
    compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null 2>&1; then
    compose() { docker-compose "$@"; }
else
    echo "error: neither \`docker compose\` nor \`docker-compose\` is here; install Docker's Compose" >&2
    exit 1
fi

# setting NAME DEFAULT: of the environment, of .env, or the default
setting() {
    value=$(printenv "$1" || true)
    if [ -z "$value" ] && [ -f .env ]; then
        value=$(sed -n "s/^$1=//p" .env | tail -n 1 | tr -d "\"'")
    fi
    echo "${value:-$2}"
}

# keep NAME VALUE: in .env, which Compose reads
keep() {
    touch .env
    kept=$(grep -v "^$1=" .env || true)
    # Written, not moved over it: it keeps who may read it.
    printf '%s\n' ${kept:+"$kept"} "$1=$2" >.env
}

# Until no container is starting. One that ended badly, or answers nobody, is named with how to see why.
wait_until_healthy() {
    end=$(($(date +%s) + 600))
    while :; do
        states=$(docker inspect --format \
            '{{index .Config.Labels "com.docker.compose.service"}} {{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}} {{.State.ExitCode}}{{end}}' \
            $(compose ps -q))
        failed=$(echo "$states" | grep -E ' (unhealthy|exited [1-9][0-9]*|dead .*)$' || true)
        if [ -n "$failed" ]; then
            echo "error: $failed; see: docker compose logs ${failed%% *}" >&2
            exit 1
        fi
        waiting=$(echo "$states" | grep -vE ' (healthy|exited 0)$' || true)
        [ -n "$waiting" ] || return 0
        if [ "$(date +%s)" -gt "$end" ]; then
            echo "error: still waiting for $(echo "$waiting" | cut -d' ' -f1 | tr '\n' ' '); see: docker compose ps" >&2
            exit 1
        fi
        sleep 3
    done
}
