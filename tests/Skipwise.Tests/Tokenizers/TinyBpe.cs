using System.Text.Json;
using System.Text.RegularExpressions;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers;

/// <summary>A small vocabulary, trained on the spot, and the plainest encoder there is: the slow reference of BytePairEncoder.</summary>
internal sealed record TinyBpe(List<string> Pieces, List<(string Left, string Right)> Merges)
{
    public const string Corpus =
        "The old miller told the other millers that the mill by the river would stand still until the thaw. " +
        "It's 1999, it isn't 2024; they'll sell 1234 sacks, 56 barrels and 7 carts!!! \"Well,\" said the naïve café owner,\n" +
        "\tthe  best   mill\n\n\nstands  still... and the rest rests. 東京の水車, 東京の川.";

    public Dictionary<string, int> Vocabulary { get; } = Pieces.Select((p, i) => (p, i))
        .ToDictionary(x => x.p, x => x.i, StringComparer.Ordinal);

    /// <summary>Byte-level, on words as GPT-2 cuts them.</summary>
    public static TinyBpe ByteLevel(int merges = 120) => Train(
        Regex.Matches(Corpus, @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+").Select(m => Spell(m.Value)),
        Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToCharacter((byte)b).ToString()),
        merges);

    /// <summary>Like Llama's: ▁ for a space, byte pieces. Trained across word borders, so that pieces such as "e▁" arise.</summary>
    public static TinyBpe AcrossWords(int merges = 120, bool bytes = true)
    {
        string marked = "▁" + Corpus.Replace(' ', '▁');
        return Train(
            [marked],
            ["<unk>", "<s>", "</s>", .. bytes
                ? Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>")
                : [], .. marked.Select(c => c.ToString()).Distinct()],
            merges);
    }

    public static string Spell(string text) => string.Concat(System.Text.Encoding.UTF8.GetBytes(text).Select(ByteAlphabet.ToCharacter));

    public int[] EncodeSlowly(string text)
    {
        List<string> parts = [.. text.EnumerateRunes().Select(r => r.ToString())];
        foreach (var (left, right) in Merges) // lowest rank first, each from the left: the definition of BPE
        {
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (parts[i] == left && parts[i + 1] == right)
                {
                    parts[i] += right;
                    parts.RemoveAt(i + 1);
                }
            }
        }
        return [.. parts.SelectMany(p => Vocabulary.TryGetValue(p, out int id)
            ? [id]
            : System.Text.Encoding.UTF8.GetBytes(p).Select(b => Vocabulary[$"<0x{b:X2}>"]))];
    }

    /// <summary>A tokenizer.json, with members replaced or added.</summary>
    public string Json(object? normalizer = null, object? preTokenizer = null, object? decoder = null, object? postProcessor = null,
        object[]? addedTokens = null, bool byteFallback = false, bool mergesAsPairs = false, bool ignoreMerges = false,
        string? unknown = null) =>
        JsonSerializer.Serialize(new
        {
            added_tokens = addedTokens ?? [],
            normalizer,
            pre_tokenizer = preTokenizer,
            decoder,
            post_processor = postProcessor,
            model = new
            {
                type = "BPE",
                unk_token = unknown,
                fuse_unk = true,
                byte_fallback = byteFallback,
                ignore_merges = ignoreMerges,
                vocab = Vocabulary,
                merges = Merges.Select(m => mergesAsPairs ? (object)new[] { m.Left, m.Right } : $"{m.Left} {m.Right}"),
            },
        });

    public string ByteLevelJson(object[]? addedTokens = null, bool addPrefixSpace = false) => Json(
        preTokenizer: new { type = "ByteLevel", add_prefix_space = addPrefixSpace, use_regex = true },
        decoder: new { type = "ByteLevel" },
        addedTokens: addedTokens);

    public string LlamaJson(object[]? addedTokens = null) => Json(
        normalizer: new
        {
            type = "Sequence",
            normalizers = new object[] { new { type = "Prepend", prepend = "▁" },
                new { type = "Replace", pattern = new { String = " " }, content = "▁" } },
        },
        decoder: new
        {
            type = "Sequence",
            decoders = new object[]
            {
                new { type = "Replace", pattern = new { String = "▁" }, content = " " }, new { type = "ByteFallback" },
                new { type = "Fuse" },
                new { type = "Strip", content = " ", start = 1, stop = 0 },
            },
        },
        postProcessor: new
        {
            type = "TemplateProcessing",
            single = new object[] { new { SpecialToken = new { id = "<s>", type_id = 0 } },
                new { Sequence = new { id = "A", type_id = 0 } } },
        },
        addedTokens: addedTokens ?? [Added(0, "<unk>"), Added(1, "<s>"), Added(2, "</s>")],
        byteFallback: true,
        unknown: "<unk>");

    public static object Added(int id, string content, bool special = true, bool normalized = false, bool lstrip = false,
        bool rstrip = false, bool single_word = false) =>
        new { id, content, special, normalized, lstrip, rstrip, single_word };

    private static TinyBpe Train(IEnumerable<string> words, IEnumerable<string> alphabet, int count)
    {
        List<List<string>> parts = [.. words.Select(w => w.Select(c => c.ToString()).ToList())];
        List<string> pieces = [.. alphabet];
        var merges = new List<(string, string)>();
        while (merges.Count < count)
        {
            var (left, right) = parts.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(p => p)
                .OrderByDescending(g => g.Count()).ThenBy(g => g.Key.First + " " + g.Key.Second, StringComparer.Ordinal).First().Key;
            merges.Add((left, right));
            if (!pieces.Contains(left + right))
            {
                pieces.Add(left + right);
            }
            foreach (var word in parts)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == left && word[i + 1] == right)
                    {
                        word[i] += right;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }
        return new TinyBpe(pieces, merges);
    }
}
