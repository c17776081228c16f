namespace Skipwise.Synthetic;

/// <summary>
/// The closed vocabulary of the synthetic corpus. The words are short, so that each has one or two tokens in a vocabulary of a thousand.
/// Objects and trades begin with a consonant, so that their article is always "a".
/// </summary>
internal static class Words
{
    public static readonly string[] Names = List(
        """
        Mira Jon Tessa Orin Pavel Lena Dario Suri Kofi Anna Bram Cleo Elsa Greta Hugo Kira Lars Maya Nils Olga Petra
        Rosa Tara Wim Yuri Zara Abel Bela Cyrus Dora Emil Goran Hanna Jana Karl Marek Nora Otto Paula Rafi Sonja Timo
        Wanda Yara Zeno Arlo Berta Milo Nadia
        """);

    public static readonly string[] Places = List(
        """
        Tarn Dunwick Orleth Fenmoor Halden Ivory Kestrel Lowford Marsh Oakham Redhill Saltby Thornby Varn Yarrow Zellin
        Ashby Cawdor Drayton Eastfell Foxley Glenrock Harbor Inver Penrith Selby
        """);

    public static readonly string[] Objects = List(
        """
        lamp rope drum clock mirror basket lantern barrel bell bottle box broom bucket candle carpet chain chest crown
        cup door fiddle flute hammer hat helmet horn jar kettle knife ladder map mask needle net pipe plate pot purse
        ring saddle sail shield spoon staff sword table tent torch vase wheel
        """);

    public static readonly string[] Trades =
        List("baker smith weaver miller sailor hunter farmer tailor mason potter scribe judge healer singer guard cook");

    public static readonly string[] Colours =
        List("red blue green yellow white black brown grey purple orange golden silver pink scarlet violet amber");

    /// <summary>Topics of eight nouns; a document mostly uses one topic.</summary>
    public static readonly string[][] Topics =
    [
        List("river boat fish wave shore storm gull tide"),
        List("forest wolf oak moss deer owl fern path"),
        List("market coin cloth spice stall crowd cart price"),
        List("tower wall gate flag king horse banner bridge"),
        List("field wheat sheep barn well rain fence harvest"),
        List("winter snow ice fire wind wool frost night"),
    ];

    public static readonly string[] Adjectives =
        List("old quiet small tall bright dark cold warm heavy narrow broken gentle wild empty hidden silent");

    public static readonly string[] Verbs = List("passed crossed followed reached covered guarded faced touched circled watched met left");

    /// <summary>Adverbs at the end of a sentence.</summary>
    public static readonly string[] Adverbs = List("slowly often never always today soon again there");

    /// <summary>Adverbs at the beginning of a sentence, before its subject.</summary>
    public static readonly string[] Openings = List("Slowly Often Always Today Soon Again");

    public static readonly string[] Digits = List("0 1 2 3 4 5 6 7 8 9");

    /// <summary>The words of the repeated lists.</summary>
    public static readonly string[] Listed = [.. Names, .. Places, .. Objects, .. Trades, .. Colours, .. Digits];

    private static string[] List(string words) => words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
