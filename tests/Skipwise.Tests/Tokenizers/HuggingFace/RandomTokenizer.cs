using System.Text.Json.Nodes;
using Skipwise.Numerics;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.HuggingFace;

/// <summary>A small tokenizer.json by chance, of all components that Skipwise reads, and texts for it.</summary>
internal sealed class RandomTokenizer
{
    private static readonly string[] s_words =
    [
        "the", " the", "The", "miller's", "WE'LL", " it's", "café", "cafe\u0301", "naïve", "Ångström", "Ελλάδα",
        "ΣΊΣΥΦΟΣ", "привет", "İstanbul", "straße", "ﬁne", "東京", "水車の", "한국", "สวัสดี",
        "नमस्ते", "\u1112\u1161\u11AB", "𐐀𐐁", "𐐨x", "𝐀𝟏", "😀", "👩\u200D👧", "a", "b", "ab",
        "abc", "s", "K", "\u212A", "ſ", "1", "42", "1234567", "½", "²", "٣", "Ⅷ", "_", "-", "--", "!", "?!", "...", "'", "\"",
        "(", ")", "$",
        "^", "`", "~", "+", "。", "「", "«", "▁", "▁a", " ", "  ", "    ", "\t", "\n", "\r\n", "\n\n", "\u00A0", "\u3000",
        "\u2028", "\u200B", "\u0001", "\u0085", "<s>", "</s>", "<x>", "<X>", "[w]", "é", "\uFFFD", "\uE000",
        "<0x41>", "\uFEFF", "\U000E0100", "\U00020000",
    ];

    private static readonly string[] s_schemes = ["always", "first", "never"];
    private static readonly string[] s_contents = ["", "x", " "];
    private static readonly string[] s_literals = [" ", "a", "-", "  ", "😀", "."];

    private readonly JsonArray _added = [];

    public RandomTokenizer(KeyedRandom random)
    {
        bool byteLevel = random.Chance(0.5);
        var normalizer = random.Chance(0.5) ? null : Normalizer(ref random, 1);
        var steps = new JsonArray();
        for (int count = random.Between(0, 2); count > 0; count--)
        {
            steps.Add(PreTokenizer(ref random));
        }
        if (byteLevel)
        {
            steps.Add(Node(
                ("type", "ByteLevel"), ("add_prefix_space", random.Chance(0.3)), ("trim_offsets", true),
                ("use_regex", random.Chance(0.5))));
        }
        var (vocabulary, merges) = Pieces(ref random, byteLevel);
        bool hasUnknown = random.Chance(0.6);
        if (hasUnknown)
        {
            vocabulary.TryAdd("<unk>", vocabulary.Count);
        }
        Added(ref random, vocabulary, byteLevel);
        Json = Node(
            ("version", "1.0"), ("truncation", null), ("padding", null), ("added_tokens", _added), ("normalizer", normalizer),
            ("pre_tokenizer", steps.Count == 0 ? null : Node(("type", "Sequence"), ("pretokenizers", steps))),
            ("post_processor", null),
            ("decoder", byteLevel
                ? Node(("type", "ByteLevel"), ("add_prefix_space", true), ("trim_offsets", true), ("use_regex", true))
                : Decoder(ref random)),
            ("model", Node(
                ("type", "BPE"), ("dropout", null), ("unk_token", hasUnknown ? "<unk>" : null), ("continuing_subword_prefix", null),
                ("end_of_word_suffix", null), ("fuse_unk", random.Chance(0.5)), ("byte_fallback", !byteLevel && random.Chance(0.6)),
                ("ignore_merges", random.Chance(0.3)),
                ("vocab", new JsonObject(vocabulary.Select(piece => KeyValuePair.Create<string, JsonNode?>(piece.Key, piece.Value)))),
                ("merges", new JsonArray([.. merges.Select(merge => (JsonNode)new JsonArray(merge.Left, merge.Right))])))))
            .ToJsonString();
    }

    public string Json { get; }

    public static string Text(ref KeyedRandom random)
    {
        string text = "";
        for (int words = random.Between(0, 12); words > 0; words--)
        {
            text += random.Pick(s_words) + (random.Chance(0.3) ? " " : "");
        }
        return text;
    }

    private static JsonObject Normalizer(ref KeyedRandom random, int depth)
    {
        switch (random.Between(0, depth > 0 ? 8 : 7))
        {
            case 0: return Node(("type", "NFC"));
            case 1: return Node(("type", "NFD"));
            case 2: return Node(("type", random.Chance(0.5) ? "NFKC" : "NFKD"));
            case 3: return Node(("type", "Lowercase"));
            case 4: return Node(("type", "Strip"), ("strip_left", random.Chance(0.5)), ("strip_right", random.Chance(0.5)));
            case 5: return Node(("type", "Prepend"), ("prepend", "▁"));
            case 6: return Node(("type", "Replace"), ("pattern", Literal(ref random)), ("content", "▁"));
            case 7: return Node(("type", "Replace"), ("pattern", Expression(ref random)), ("content", random.Pick(s_contents)));
        }
        var steps = new JsonArray();
        for (int count = random.Between(1, 3); count > 0; count--)
        {
            steps.Add(Normalizer(ref random, depth - 1));
        }
        return Node(("type", "Sequence"), ("normalizers", steps));
    }

    private static JsonObject PreTokenizer(ref KeyedRandom random)
    {
        string behavior = random.Pick((string[])["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]);
        switch (random.Between(0, 6))
        {
            case 0: return Node(("type", "Digits"), ("individual_digits", random.Chance(0.5)));
            case 1: return Node(("type", "Punctuation"), ("behavior", behavior));
            case 2:
                return Node(
                    ("type", "Metaspace"), ("replacement", "▁"), ("prepend_scheme", random.Pick(s_schemes)),
                    ("split", random.Chance(0.5)));
            case 3:
                return Node(("type", "Split"), ("pattern", Literal(ref random)), ("behavior", behavior), ("invert", random.Chance(0.3)));
            default:
                return Node(("type", "Split"), ("pattern", Expression(ref random)), ("behavior", behavior), ("invert", random.Chance(0.2)));
        }
    }

    private static JsonObject Literal(ref KeyedRandom random) => Node(("String", random.Pick(s_literals)));

    private static JsonObject Expression(ref KeyedRandom random) => Node(("Regex", RandomPattern.Next(ref random)));

    private static JsonObject Decoder(ref KeyedRandom random)
    {
        if (random.Chance(0.2))
        {
            return Node(("type", "Metaspace"), ("replacement", "▁"), ("prepend_scheme", random.Pick(s_schemes)), ("split", true));
        }
        return Node(("type", "Sequence"), ("decoders", new JsonArray(
            Node(("type", "Replace"), ("pattern", Node(("String", "▁"))), ("content", " ")),
            Node(("type", "ByteFallback")),
            Node(("type", "Fuse")),
            Node(("type", "Strip"), ("content", " "), ("start", random.Between(0, 1)), ("stop", 0)))));
    }

    /// <summary>Letters, some or all byte tokens, and merges of what is there already; some merges are there twice.</summary>
    private static (Dictionary<string, int> Vocabulary, List<(string Left, string Right)> Merges) Pieces(
        ref KeyedRandom random, bool byteLevel)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        double known = byteLevel ? 1 : random.NextDouble(), bytes = random.Pick((double[])[0, 0.7, 1]);
        for (int value = 0; value < 256; value++)
        {
            if (byteLevel || random.Chance(bytes))
            {
                vocabulary.TryAdd(byteLevel ? ByteAlphabet.ToCharacter((byte)value).ToString() : $"<0x{value:X2}>", vocabulary.Count);
            }
        }
        foreach (var rune in byteLevel ? [] : s_words.SelectMany(word => word.EnumerateRunes()).Distinct().ToArray())
        {
            if (random.Chance(known))
            {
                vocabulary.TryAdd(rune.ToString(), vocabulary.Count);
            }
        }
        vocabulary.TryAdd("a", vocabulary.Count);
        vocabulary.TryAdd("b", vocabulary.Count);
        var merges = new List<(string, string)>();
        for (int count = random.Between(0, 60); count > 0; count--)
        {
            string word = random.Pick(s_words);
            word = byteLevel ? TinyBpe.Spell(word) : word.Replace(' ', '▁');
            string[] parts = [.. word.EnumerateRunes().Select(rune => rune.ToString())];
            int left = random.Between(0, parts.Length - 1), right = random.Between(left, parts.Length - 1);
            int end = random.Between(right, parts.Length - 1);
            var merge = random.Chance(0.1) && !byteLevel
                ? ($"<0x{random.Between(0xC3, 0xF0):X2}>", $"<0x{random.Between(0x80, 0xBF):X2}>")
                : (string.Concat(parts[left..right]), string.Concat(parts[right..(end + 1)]));
            if (vocabulary.ContainsKey(merge.Item1) && vocabulary.ContainsKey(merge.Item2))
            {
                merges.Add(merge);
                vocabulary.TryAdd(merge.Item1 + merge.Item2, vocabulary.Count);
            }
            if (merges.Count > 0 && random.Chance(0.1))
            {
                merges.Add(random.Pick(merges));
            }
        }
        return (vocabulary, merges);
    }

    /// <summary>é does not come back from the library's byte-level decoder, which takes it for a byte; here it does.</summary>
    private void Added(ref KeyedRandom random, Dictionary<string, int> vocabulary, bool byteLevel)
    {
        int free = vocabulary.Count;
        foreach (string content in (string[])["<s>", "</s>", "<x>", "[w]", "the", "  ", byteLevel ? "e" : "é", "水", "𐐀", "ab"])
        {
            if (random.Chance(0.25))
            {
                bool special = random.Chance(0.5);
                _added.Add(Node(
                    ("id", vocabulary.TryGetValue(content, out int id) ? id : free++), ("content", content), ("special", special),
                    ("single_word", random.Chance(0.2)), ("lstrip", random.Chance(0.2)), ("rstrip", random.Chance(0.2)),
                    ("normalized", random.Chance(0.5))));
            }
        }
    }

    private static JsonObject Node(params (string Name, JsonNode? Value)[] members) =>
        new(members.Select(member => KeyValuePair.Create(member.Name, member.Value)));
}
