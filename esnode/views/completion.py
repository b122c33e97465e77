"""Completion scripts, and what they are told. The scripts know nothing of esnode's options: they ask for every word."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from esnode.views.jsonlines import emit_document
from esnode.views.printable import plain_text

_BASH = r"""# bash completion of esnode. Made by `esnode completion bash`.
_esnode() {
    local cur=${COMP_WORDS[COMP_CWORD]} words=() word glue= i value help name kind
    # bash takes "-out=plan.json" for three words.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == "=" && ${#words[@]} -gt 0 ]]; then
            words[${#words[@]} - 1]+="="
            glue=1
        elif [[ $glue ]]; then
            words[${#words[@]} - 1]+=$word
            glue=
        else
            words+=("$word")
        fi
    done
    [[ $cur == "=" ]] && cur=
    COMPREPLY=()
    while IFS=$'\t' read -r value help; do
        case $value in
            :file | :folder)
                [[ $value == :file ]] && kind=-f || kind=-d
                compopt -o filenames 2>/dev/null
                while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$kind" -- "$cur")
                ;;
            -*=*) COMPREPLY+=("${value#*=}") ;;
            *) COMPREPLY+=("$value") ;;
        esac
    done < <("${COMP_WORDS[0]}" completion candidates -- "${words[@]}" 2>/dev/null)
}
complete -F _esnode esnode
"""

_ZSH = r"""#compdef esnode
# zsh completion of esnode. Made by `esnode completion zsh`: put it into a folder of $fpath as _esnode.
_esnode() {
    local line value
    local -a described
    for line in "${(@f)$("${words[1]}" completion candidates -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        case $value in
            ('') ;;
            (:file) compset -P '-*='; _files ;;
            (:folder) compset -P '-*='; _files -/ ;;
            (*) described+=("${value//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    (( $#described )) && _describe -V esnode described
}
if [[ $funcstack[1] == _esnode ]]; then
    _esnode "$@"
else
    compdef _esnode esnode
fi
"""

_FISH = r"""# fish completion of esnode. Made by `esnode completion fish`.
function __esnode_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] completion candidates -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':file*' ':folder*'
                set -l prefix (string match -r -- '^-[^=]*=' $current)
                __fish_complete_path (string replace -- "$prefix" '' $current) | string replace -r -- '^' "$prefix"
            case '*'
                echo $line
        end
    end
end
complete -c esnode -f -a '(__esnode_candidates)'
"""

_SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def show_script(shell: str, *, as_json: bool) -> None:
    script = _SCRIPTS[shell].rstrip("\n")
    if as_json:
        emit_document({"shell": shell, "script": script})
    else:
        _print(script)


def show_candidates(items: Iterable[tuple[str, str]], *, as_json: bool) -> None:
    """A line for each: the word, a tab, what it is."""
    told = [(value, " ".join(about.split())) for value, about in items]
    if as_json:
        emit_document({"candidates": [{"value": value, "about": about} for value, about in told]})
    elif told:
        _print("\n".join(f"{plain_text(value)}\t{plain_text(about)}" for value, about in told))


def _print(text: str) -> None:
    """For a shell, not for a terminal: its tabs are meant."""
    sys.stdout.write(text + "\n")
