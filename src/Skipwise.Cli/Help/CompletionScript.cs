namespace Skipwise.Cli.Help;

/// <summary>
/// What makes a shell ask <c>skipwise [suggest:N] "line"</c>, System.CommandLine's directive: N is the cursor's place in the line, which
/// begins after the command's name. Files are completed where the answer is empty.
/// </summary>
internal static class CompletionScript
{
    private const string Bash = """
        # bash completion of skipwise: source <(skipwise completion bash)
        _skipwise() {
            local line="${COMP_LINE:0:COMP_POINT}" current found word
            current="${line##* }"
            line="${line#"${line%%[![:space:]]*}"}"   # without leading blanks
            [[ "$line" == *" "* ]] || return 0
            line="${line#* }"
            COMPREPLY=()
            found="$(skipwise "[suggest:${#line}]" "$line" 2> /dev/null)" || return 0
            while IFS= read -r word; do
                [[ -n "$word" && "$word" == "$current"* ]] && COMPREPLY+=("$word")
            done <<< "$found"
            # bash replaces the part behind the last : or = alone
            local prefix="${current%"${current##*[:=]}"}"
            if [[ -n "$prefix" && "$COMP_WORDBREAKS" == *"${prefix: -1}"* ]]; then
                COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
            fi
        }
        complete -o default -F _skipwise skipwise
        """;

    private const string Zsh = """
        #compdef skipwise
        # zsh completion of skipwise: as _skipwise in a folder of $fpath, or: source <(skipwise completion zsh)
        _skipwise() {
            local line="${(j: :)words[2,CURRENT]}" word
            local -a found
            for word in "${(@f)$(skipwise "[suggest:${#line}]" "$line" 2> /dev/null)}"; do
                [[ -n "$word" && "$word" == "$PREFIX"* ]] && found+=("$word")
            done
            if (( ${#found} )); then
                compadd -- "${found[@]}"
            else
                _files
            fi
        }
        if [[ "${funcstack[1]}" == _skipwise ]]; then
            _skipwise "$@"
        else
            compdef _skipwise skipwise
        fi
        """;

    private const string Fish = """
        # fish completion of skipwise: in ~/.config/fish/completions/skipwise.fish
        function __skipwise_complete
            set -l line (commandline -cp | string replace -r '^\s*\S+\s?' '')
            skipwise "[suggest:"(string length -- "$line")"]" "$line" 2> /dev/null
        end
        complete -c skipwise -a '(__skipwise_complete)'
        """;

    private const string Pwsh = """
        # PowerShell completion of skipwise: dot-source this file in $PROFILE
        Register-ArgumentCompleter -Native -CommandName skipwise -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $line = $commandAst.ToString().PadRight($cursorPosition).Substring(0, $cursorPosition) -replace '^\s*\S+\s?', ''
            skipwise "[suggest:$($line.Length)]" "$line" 2> $null |
                Where-Object { $_ -like "$wordToComplete*" } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }
        """;

    public static IReadOnlyList<string> Shells { get; } = ["bash", "zsh", "fish", "pwsh"];

    /// <param name="shell">one of <see cref="Shells"/></param>
    public static string For(string shell) => shell switch
    {
        "bash" => Bash,
        "zsh" => Zsh,
        "fish" => Fish,
        "pwsh" => Pwsh,
        _ => throw new ArgumentOutOfRangeException(nameof(shell), shell, "no such shell"),
    };
}
