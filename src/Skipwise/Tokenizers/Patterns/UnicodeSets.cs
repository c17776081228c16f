using System.Globalization;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>The named character sets of patterns: general categories, POSIX properties, scripts.</summary>
internal static class UnicodeSets
{
    /// <summary>A category's short name, then its long ones, without "_" and in lower case, as names are compared.</summary>
    private static readonly (string Names, UnicodeCategory[] Categories)[] s_categories =
    [
        ("lu uppercaseletter", [UnicodeCategory.UppercaseLetter]),
        ("ll lowercaseletter", [UnicodeCategory.LowercaseLetter]),
        ("lt titlecaseletter", [UnicodeCategory.TitlecaseLetter]),
        ("lm modifierletter", [UnicodeCategory.ModifierLetter]),
        ("lo otherletter", [UnicodeCategory.OtherLetter]),
        ("lc casedletter", [UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter]),
        ("l letter", [UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter,
            UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter]),
        ("mn nonspacingmark", [UnicodeCategory.NonSpacingMark]),
        ("mc spacingmark", [UnicodeCategory.SpacingCombiningMark]),
        ("me enclosingmark", [UnicodeCategory.EnclosingMark]),
        ("m mark combiningmark", [UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark]),
        ("nd decimalnumber digit", [UnicodeCategory.DecimalDigitNumber]),
        ("nl letternumber", [UnicodeCategory.LetterNumber]),
        ("no othernumber", [UnicodeCategory.OtherNumber]),
        ("n number", [UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber]),
        ("pc connectorpunctuation", [UnicodeCategory.ConnectorPunctuation]),
        ("pd dashpunctuation", [UnicodeCategory.DashPunctuation]),
        ("ps openpunctuation", [UnicodeCategory.OpenPunctuation]),
        ("pe closepunctuation", [UnicodeCategory.ClosePunctuation]),
        ("pi initialpunctuation", [UnicodeCategory.InitialQuotePunctuation]),
        ("pf finalpunctuation", [UnicodeCategory.FinalQuotePunctuation]),
        ("po otherpunctuation", [UnicodeCategory.OtherPunctuation]),
        ("p punctuation punct", [UnicodeCategory.ConnectorPunctuation, UnicodeCategory.DashPunctuation, UnicodeCategory.OpenPunctuation,
            UnicodeCategory.ClosePunctuation, UnicodeCategory.InitialQuotePunctuation, UnicodeCategory.FinalQuotePunctuation,
            UnicodeCategory.OtherPunctuation]),
        ("sm mathsymbol", [UnicodeCategory.MathSymbol]),
        ("sc currencysymbol", [UnicodeCategory.CurrencySymbol]),
        ("sk modifiersymbol", [UnicodeCategory.ModifierSymbol]),
        ("so othersymbol", [UnicodeCategory.OtherSymbol]),
        ("s symbol", [UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol,
            UnicodeCategory.OtherSymbol]),
        ("zs spaceseparator", [UnicodeCategory.SpaceSeparator]),
        ("zl lineseparator", [UnicodeCategory.LineSeparator]),
        ("zp paragraphseparator", [UnicodeCategory.ParagraphSeparator]),
        ("z separator", [UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator]),
        ("cc control cntrl", [UnicodeCategory.Control]),
        ("cf format", [UnicodeCategory.Format]),
        ("cn unassigned", [UnicodeCategory.OtherNotAssigned]),
        ("co privateuse", [UnicodeCategory.PrivateUse]),
        ("c other", [UnicodeCategory.Control, UnicodeCategory.Format, UnicodeCategory.OtherNotAssigned, UnicodeCategory.PrivateUse,
            UnicodeCategory.Surrogate]),
    ];

    private static readonly Lazy<Dictionary<string, CodePoints>> s_named = new(MakeNamed);

    public static CodePoints Digits => Named("nd");
    public static CodePoints HexDigits => Named("xdigit");
    public static CodePoints Spaces => Named("space");
    public static CodePoints Words => Named("word");

    /// <summary>The set of \w outside brackets. As in Oniguruma, it includes Latin-1's other numbers (², ¼), unlike [\w] and
    /// [[:word:]].</summary>
    public static CodePoints WordsOutsideBrackets { get; } = Words.Union(CodePoints.Parse("B2-B3 B9 BC-BE"));

    /// <summary>The set of \p{name}; names are compared without case, spaces, "-" and "_". Null if unknown.</summary>
    public static CodePoints? Property(string name) =>
        s_named.Value.GetValueOrDefault(string.Concat(name.Where(c => c is not (' ' or '-' or '_'))).ToLowerInvariant());

    /// <summary>The set of [:name:]. Null if unknown.</summary>
    public static CodePoints? Posix(string name) => name switch
    {
        "punct" => Named("p").Union(Named("s")),
        "alnum" or "alpha" or "ascii" or "blank" or "cntrl" or "digit" or "graph" or "lower" or "print" or "space" or "upper" or "word"
            or "xdigit" => Named(name),
        _ => null,
    };

    public static CodePoints Named(string name) => s_named.Value[name];

    private static Dictionary<string, CodePoints> MakeNamed()
    {
        var named = new Dictionary<string, CodePoints>(StringComparer.Ordinal);
        var single = CodePoints.By(CharUnicodeInfo.GetUnicodeCategory);
        foreach (var (names, parts) in s_categories)
        {
            var set = parts.Aggregate(CodePoints.None, (sum, part) => sum.Union(single[part]));
            Add(names, set);
        }
        foreach (var (name, code, ranges) in UnicodeTables.Scripts)
        {
            Add($"{name} {code}", CodePoints.Parse(ranges));
        }
        var spaces = named["z"].Union(CodePoints.Parse("9-D 85"));
        var alphabetic = named["l"].Union(named["nl"])
            .Union(CodePoints.Parse(UnicodeTables.AlphabeticMarks)).Union(CodePoints.Parse(UnicodeTables.AlphabeticSigns));
        var graph = spaces.Union(named["cc"]).Union(named["cn"]).Union(single[UnicodeCategory.Surrogate]).Complement();
        Add("space whitespace", spaces);
        Add("alpha alphabetic", alphabetic);
        Add("alnum", alphabetic.Union(named["nd"]));
        Add("word", alphabetic.Union(named["m"]).Union(named["nd"]).Union(named["pc"]));
        Add("lower lowercase", named["ll"].Union(CodePoints.Parse(UnicodeTables.OtherLowercase)));
        Add("upper uppercase", named["lu"].Union(CodePoints.Parse(UnicodeTables.OtherUppercase)));
        Add("blank", named["zs"].Union(CodePoints.Create('\t')));
        Add("xdigit asciihexdigit", CodePoints.Parse("30-39 41-46 61-66"));
        Add("graph", graph);
        Add("print", graph.Union(named["zs"]));
        Add("ascii", CodePoints.Range(0, 0x7F));
        Add("any", CodePoints.All);
        Add("assigned", named["cn"].Complement());
        return named;

        void Add(string names, CodePoints set)
        {
            foreach (string name in names.Split(' '))
            {
                named[name] = set; // a script and its code may have the same name
            }
        }
    }
}
