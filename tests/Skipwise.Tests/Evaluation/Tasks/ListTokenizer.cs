using System.Text.RegularExpressions;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>A tokenizer of known words: id 0 is BOS, 1 is EOS, 2 is any other word, then the list. Blanks are not tokens, but a newline
/// is.</summary>
internal sealed partial class ListTokenizer(params string[] words) : ITokenizer
{
    public bool Adds { get; init; }
    public int? Bos { get; init; } = 0;
    public int? Eos { get; init; } = 1;

    public int VocabularySize => words.Length + 3;
    public int? BosId => Bos;
    public int? EosId => Eos;
    public bool AddsBos => Adds;

    public int Id(string word) => word == "<bos>" ? 0 : Array.IndexOf(words, word) is var at and >= 0 ? at + 3 : 2;

    public int[] Encode(string text) => [.. Words().Matches(text).Select(word => Id(word.Value))];

    public string Decode(ReadOnlySpan<int> ids) => string.Join(' ', ids.ToArray().Select(id => id < 3 ? "?" : words[id - 3]));

    [GeneratedRegex(@"<bos>|\w+|[^\w\s]|\n")]
    private static partial Regex Words();
}
