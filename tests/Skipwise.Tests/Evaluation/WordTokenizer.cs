using System.Globalization;
using System.Text.RegularExpressions;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Evaluation;

/// <summary>A tokenizer to test with: pieces of a fixed size of every word, digits one by one. Ids are hashes; texts do not come
/// back.</summary>
internal sealed partial class WordTokenizer(int piece, bool addsBos, string decoded = "") : ITokenizer
{
    public int VocabularySize => 50;
    public int? BosId => 0;
    public int? EosId => null;
    public bool AddsBos => addsBos;
    public IReadOnlyList<int> EndIds { get; init; } = [];

    public int[] Encode(string text) => [.. Words().Matches(text).SelectMany(word => word.Value.Chunk(piece)).Select(Id)];

    public string Decode(ReadOnlySpan<int> ids) => decoded.Length > 0 ? decoded : string.Join(' ', ids.ToArray());

    /// <summary>Two ids within what a model answered.</summary>
    public static int[] TwoOf(IEnumerable<string> answers) => [.. answers.Select(answer => Ids(answer)[5]).Distinct().Take(2)];

    /// <summary>An answer up to the first of these ids.</summary>
    public static string UpTo(string answer, int[] ends) => string.Join(' ', Ids(answer).TakeWhile(id => !ends.Contains(id)));

    private static int[] Ids(string answer) => [.. answer.Split(' ').Select(id => int.Parse(id, CultureInfo.InvariantCulture))];

    private static int Id(char[] letters) => 2 + letters.Aggregate(7, (hash, letter) => (hash * 31 + letter) % 9973) % 48;

    [GeneratedRegex("[0-9]|\\w+|[^\\w\\s]|\n")]
    private static partial Regex Words();
}
