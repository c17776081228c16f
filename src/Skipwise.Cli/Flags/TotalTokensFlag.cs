using System.CommandLine;
using Skipwise.Evaluation.Perplexity;

namespace Skipwise.Cli.Flags;

/// <summary>How much text an evaluation of perplexity reads.</summary>
internal sealed class TotalTokensFlag(Command command, string prefix, int? defaultValue)
{
    private const string Name = "--max-total-tokens";

    private readonly Flag<int> _tokens = command.Integer(Name,
        $"{prefix}tokens of all documents together, in sliding windows; the text after them is left out. 0 takes all", defaultValue ?? 0)
        .Sets(nameof(PerplexityOptions.MaxTotalTokens));

    /// <summary>null: no limit</summary>
    public int? Of(ParseResult parse) => _tokens.ValueOf(parse) is var tokens and not 0 ? tokens : null;

    /// <summary>What the user is told if text was left out.</summary>
    public string LeftOut(ParseResult parse) =>
        $"the text after the first {_tokens.ValueOf(parse)} tokens was left out; {Name} 0 measures all of it";
}
