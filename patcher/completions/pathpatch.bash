# bash completion for pathpatch, made from the program's table of commands by patcher/man/generate

_pathpatch() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} options=
    COMPREPLY=()
    # bash takes --name=word apart at the equals sign.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ $COMP_CWORD == 1 ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'apply scan lint pad restore status verify deb bootstrap notify listen --help --version' -- "$cur")
        return
    fi
    case $previous in
    --admindir)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    --color)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
        return
        ;;
    --compress)
        mapfile -t COMPREPLY < <(compgen -W 'kept none gzip xz zstd' -- "$cur")
        return
        ;;
    --durability)
        mapfile -t COMPREPLY < <(compgen -W 'batch none' -- "$cur")
        return
        ;;
    --env-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --executables)
        mapfile -t COMPREPLY < <(compgen -W 'skip scripts all' -- "$cur")
        return
        ;;
    --files-from)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --progress)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
        return
        ;;
    --root)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    --state)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    --suppressions)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --table)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --token-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --type)
        mapfile -t COMPREPLY < <(compgen -W 'complete failed' -- "$cur")
        return
        ;;
    --expect|--explain|--jobs|--memory|--notify|--notify-timeout|--package|--payload|--peer-uid|--set|--sha256|--status|--then|--token-fd|--was)
        return
        ;;
    esac
    case ${COMP_WORDS[1]} in
    apply) options='--revalue --set --env-file --was --any-bytes --root --table --state --admindir --files-from --null -0 --dry-run -n --executables --no-decode --durability --replace --jobs --memory --notify --token-file --token-fd --peer-uid --notify-timeout --payload --expect --json --quiet --verbose --progress --color --help --version' ;;
    scan) options='--set --env-file --any-bytes --root --table --state --admindir --files-from --null -0 --executables --no-decode --jobs --memory --json --quiet --verbose --progress --color --help --version' ;;
    lint) options='--explain --suppressions --table --files-from --null -0 --executables --no-decode --jobs --memory --json --quiet --verbose --progress --color --help --version' ;;
    pad) options='--table --files-from --null -0 --dry-run -n --jobs --memory --json --quiet --verbose --progress --color --help --version' ;;
    restore) options='--package --conffiles --set --env-file --any-bytes --root --table --state --admindir --files-from --null -0 --dry-run -n --durability --replace --jobs --memory --notify --token-file --token-fd --peer-uid --notify-timeout --payload --expect --json --quiet --verbose --progress --color --help --version' ;;
    status) options='--set --env-file --any-bytes --root --table --state --admindir --json --help --version' ;;
    verify) options='--set --env-file --any-bytes --root --table --state --admindir --json --quiet --verbose --progress --color --help --version' ;;
    deb) options='--relocate --compress --set --env-file --any-bytes --table --dry-run -n --executables --no-decode --jobs --memory --json --quiet --verbose --progress --color --help --version' ;;
    bootstrap) options='--replace-dest --sha256 --then --notify-dpkg --set --env-file --any-bytes --root --table --state --dry-run -n --executables --no-decode --durability --jobs --memory --notify --token-file --token-fd --peer-uid --notify-timeout --payload --expect --json --quiet --verbose --progress --color --help --version' ;;
    notify) options='--type --status --resend --set --env-file --any-bytes --root --table --state --admindir --dry-run -n --token-file --token-fd --peer-uid --notify-timeout --payload --expect --json --quiet --help --version' ;;
    listen) options='--once --token-file --token-fd --peer-uid --help --version' ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}
complete -o filenames -F _pathpatch pathpatch
