using Skipwise.Numerics;

namespace Skipwise.Tests.Tokenizers.HuggingFace;

/// <summary>Regular expressions by chance, in Oniguruma's syntax, of the constructs that Skipwise translates.</summary>
internal static class RandomPattern
{
    private static readonly string[] s_known =
    [
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|\s+",
        @"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{L}&&[^\p{Han}]]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        @"\s?[A-Za-zµÀ-ÖØ-öø-ƺＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓]+", @"\s?[!-/:-~！-／：-～‘-‟　-。]+", @"\s+$",
        @"[一-龥ࠀ-一가-퟿]+", @"[\r\n]",
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s+(?!\S)|\s+",
    ];

    private static readonly string[] s_sets =
    [
        @"\p{L}", @"\p{Lu}", @"\p{Ll}", @"\p{N}", @"\p{M}", @"\p{P}", @"\p{S}", @"\p{^L}", @"\P{Nd}", @"\P{^N}", @"\p{Letter}",
        @"\p{Decimal_Number}",
        @"\p{uppercase letter}", @"\p{Alpha}", @"\p{Alnum}", @"\p{Punct}", @"\p{Han}", @"\p{Hiragana}", @"\p{Latin}", @"\p{Greek}",
        @"\p{Cyrl}",
        @"\p{Thai}", @"\p{Common}", @"\d", @"\D", @"\w", @"\W", @"\s", @"\S", @"\h", @"\H", ".", @"\N", @"\O", @"\R",
    ];

    private static readonly string[] s_members =
    [
        "a-f", "A-Z", "0-5", "é", "α-ω", "あ-ん", "一-龥", "𐐀-𐑏", "😀", @"\x{1D400}-\x{1D433}", @"\u0041-\u0043",
        @"\x41", @"\n", @"\t", " ", "'", @"\-", @"\]", "!-/",
        @"\d", @"\w", @"\s", @"\S", @"\p{L}", @"\p{^L}", @"\P{N}", @"\p{Han}", @"\h", "[:alpha:]", "[:^alpha:]", "[:digit:]",
        "[:punct:]", "[:upper:]", "[:lower:]",
        "[:alnum:]", "[:space:]", "[:word:]", "[:xdigit:]", "[a-c]", "[^a-c]", "[^𐐀-𐑏]", "[b-d&&[^c]]",
    ];

    private static readonly string[] s_letters =
    [
        "a", "b", "e", "s", "'s", "re", "LL", "é", "α", "K", "1", "2", "水", "の", "𐐀", "𐐨", "𝐀", "😀", @"\.", @"\x{10400}",
        @"\u00e9", " ", @"\n", "-", "!", "_",
    ];

    private static readonly string[] s_withoutCase =
        ["'s|'t|'re|'ve|'m|'ll|'d", "[a-f]", "k", "[^b]", "αβ", "𐐀", "[𐐀-𐐅]+", @"é\d", "[[:upper:]&&[a-e]]"];

    private static readonly string[] s_quantifiers =
        ["*", "+", "?", "+?", "*?", "??", "++", "?+", "*+", "{2}", "{1,3}", "{,2}", "{2,}", "{2}?", "{1,2}?", "{1,2}+", "+*", "{x}"];

    private static readonly string[] s_looks = ["(?=", "(?!", "(?<=", "(?<!"];

    private static readonly string[] s_lookedAt = ["a", @"\S", @"\p{L}", "[^𐐀-𐑏]", "[a-z&&[^b]]", @"\n", "水"];

    private static readonly string[] s_places = ["^", "$", @"\A", @"\z", @"\Z", @"\b", @"\B"];

    public static string Next(ref KeyedRandom random) => random.Chance(0.3) ? random.Pick(s_known) : Alternatives(ref random, 2);

    private static string Alternatives(ref KeyedRandom random, int depth)
    {
        string text = Sequence(ref random, depth);
        for (int more = random.Between(0, 2); more > 0; more--)
        {
            text += "|" + Sequence(ref random, depth);
        }
        return text;
    }

    private static string Sequence(ref KeyedRandom random, int depth)
    {
        string text = random.Chance(0.1) ? random.Pick(s_places) : "";
        for (int terms = random.Between(1, 3); terms > 0; terms--)
        {
            text += Term(ref random, depth) + (random.Chance(0.4) ? random.Pick(s_quantifiers) : "");
        }
        return text + (random.Chance(0.1) ? $"{random.Pick(s_looks)}{random.Pick(s_lookedAt)})" : "");
    }

    private static string Term(ref KeyedRandom random, int depth) => random.Between(0, depth > 0 ? 9 : 6) switch
    {
        <= 2 => random.Pick(s_letters),
        3 or 4 => random.Pick(s_sets),
        5 or 6 => Brackets(ref random),
        7 => $"(?:{Alternatives(ref random, depth - 1)})",
        8 => $"{random.Pick((string[])["(", "(?>", "(?m:", "(?<name>"])}{Alternatives(ref random, depth - 1)})",
        _ => $"(?i:{random.Pick(s_withoutCase)})",
    };

    private static string Brackets(ref KeyedRandom random)
    {
        string text = random.Chance(0.3) ? "[^" : "[";
        for (int members = random.Between(1, 3); members > 0; members--)
        {
            text += random.Pick(s_members);
        }
        return text + (random.Chance(0.3) ? $"&&{random.Pick(s_members)}{random.Pick(s_members)}]" : "]");
    }
}
