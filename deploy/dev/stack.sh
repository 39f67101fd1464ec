# Sourced by ./cassandra and ./redis: a stack is a directory with one process for each of its members, at most one of
# which starts or stops anything at a time. A member is a directory in it with the process id in `pid`.

# What is missing on this machine, as opposed to what went wrong: tests skip on it.
missing() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 69
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Usage is the script's own opening comment.
usage() {
    sed -n '2,/^$/ s/^# \{0,1\}//p' "$0"
}

cache() {
    printf '%s\n' "${VIEWLOG_DEV:-${XDG_CACHE_HOME:-$HOME/.cache}/viewlog-dev}"
}

# Held until the script ends. Without flock(1) there is no lock.
lock() {
    mkdir -p "$(dirname "$stack")"
    command -v flock >/dev/null || return 0
    exec 9>"$stack.lock"
    flock 9
}

unlock() { exec 9>&-; }

# alive DIRECTORY: its process runs, and is not another one that got its number since.
alive() {
    local pid command
    pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ] || return 1
    command=$(command_of "$pid")
    if [ -z "$command" ] && kill -0 "$pid" 2>/dev/null; then
        # For a moment it has none, while it becomes another program.
        sleep 0.02
        command=$(command_of "$pid")
    fi
    case $command in *"$1"*) ;; *) return 1 ;; esac
}

command_of() {
    if [ -d /proc/self ]; then
        tr '\0' ' ' <"/proc/$1/cmdline"
    else
        ps -ww -o args= -p "$1"
    fi 2>/dev/null
}

# launch DIRECTORY COMMAND...: a process of its own group, which outlives the script and the terminal. Whatever files
# the caller holds open (a lock, a pipe that somebody reads to its end) it does not keep open.
launch() {
    local directory=$1
    shift
    if [ -f "$directory/log" ]; then mv "$directory/log" "$directory/log.before"; fi
    set -m
    (
        for file in {3..200}; do eval "exec $file>&-"; done
        cd "$directory"
        exec nohup "$@"
    ) >"$directory/log" 2>&1 </dev/null &
    echo $! >"$directory/pid"
    set +m
    # Until it is its command, it is a copy of this shell, and nobody would know it by its directory.
    until alive "$directory" || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
}

# tell SIGNAL DIRECTORY: whether there was somebody to tell.
tell() {
    alive "$2" && kill "-$1" "$(cat "$2/pid")"
}

# gone DIRECTORY SECONDS: waits for its process to be gone.
gone() {
    local until=$((SECONDS + $2))
    while alive "$1"; do
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.05
    done
    rm -f "$1/pid"
}

kill_member() {
    tell KILL "$1" || return 0
    gone "$1" 30 || fail "process $(cat "$1/pid") survives kill -9"
}

# A member that is paused would not hear it.
ask_to_stop() {
    tell TERM "$1" && tell CONT "$1" || return 0
}

stop_member() {
    gone "$1" 30 || kill_member "$1"
}

pause_member() { tell STOP "$1" || fail "${1##*/} does not run"; }

resume_member() { tell CONT "$1" || fail "${1##*/} does not run"; }

# free_port [COUNT]: the first of so many ports of 127.0.0.1 in a row on which nobody listens, below those that the
# system itself gives out.
free_port() {
    local first port
    # Not by $RANDOM: shells that start together draw the same.
    while first=$(shuf -i 20000-31999 -n 1); do
        for ((port = first; port < first + ${1:-1}; port++)); do
            is_taken 127.0.0.1 "$port" && continue 2
        done
        break
    done
    echo "$first"
}

is_taken() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# kept_for PID: the stack goes, with its data, once none of the processes that keep it is there any more.
kept_for() {
    mkdir -p "$stack/keepers" "$stack/watch"
    : >"$stack/keepers/$1"
    alive "$stack/watch" || launch "$stack/watch" bash "$here/${0##*/}" --stack "$stack" watch "$stack/watch"
}

is_kept() {
    local keeper
    for keeper in "$stack"/keepers/*; do
        kill -0 "${keeper##*/}" 2>/dev/null && return
        rm -f "$keeper"
    done
    return 1
}

watch() {
    while sleep 1; do
        is_kept && continue
        lock
        if ! is_kept; then
            # Its own process is among the members, and goes last.
            rm -f "$stack/watch/pid"
            destroy
            exit
        fi
        unlock
    done
}

# Kills every member, and forgets all they knew.
destroy() {
    local pid
    for pid in "$stack"/*/pid; do
        [ -f "$pid" ] && kill_member "$(dirname "$pid")"
    done
    rm -rf "$stack"
}
