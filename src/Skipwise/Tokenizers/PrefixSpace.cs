using Skipwise.Storage;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Tokenizers;

/// <summary>Resolves whether a text gets a leading space, by tokenizer.json and by add_prefix_space of tokenizer_config.json.</summary>
internal static class PrefixSpace
{
    /// <summary>The pre-tokenizer that both files agree on.</summary>
    /// <remarks>
    /// In transformers, add_prefix_space overrides a ByteLevel that is the only step (without the setting, by false). For other
    /// tokenizers, versions ignore the setting or rebuild the tokenizer.
    /// </remarks>
    /// <exception cref="SkipwiseException">the files differ, and versions of transformers disagree</exception>
    public static LocatedJson? Agreed(LocatedJson file, TokenizerSettings settings)
    {
        var preTokenizer = file.Find("pre_tokenizer");
        bool alone = preTokenizer?.Get("type").Text == "ByteLevel";
        bool own = IsAddedBy(file, preTokenizer);
        if (settings.AddsPrefixSpace is { } asked && asked != own && !alone)
        {
            throw settings.Error(
                $"says \"add_prefix_space\": {(asked ? "true" : "false")}, but tokenizer.json puts {(own ? "a" : "no")} space " +
                "before a text; save the tokenizer again with transformers, so that both say one thing, or remove the setting");
        }
        if (settings is { HasConfig: true, AddsPrefixSpace: null } && alone && own)
        {
            throw settings.Error(
                "says nothing of \"add_prefix_space\", which transformers takes for false, but tokenizer.json puts a space " +
                "before a text; add the setting that the model was trained with");
        }
        var steps = Steps(preTokenizer, "pretokenizers");
        int first = steps.FindIndex(step => step.Get("type").Text == "Metaspace" && step.Find("prepend_scheme")?.Text == "first");
        if (first >= 0 && file.Find("normalizer") is { } normalizer && (first > 0 || Steps(normalizer, "normalizers").Exists(MovesStart)))
        {
            throw normalizer.Error(
                "changes where a text starts, and the pre-tokenizer Metaspace puts a space there (\"prepend_scheme\": \"first\"); " +
                "Skipwise does not read the two together");
        }
        return preTokenizer;
    }

    /// <summary>Whether a text gets a leading space, after both files agreed.</summary>
    public static bool IsAdded(LocatedJson file, TokenizerSettings settings)
    {
        var preTokenizer = file.Find("pre_tokenizer");
        return (preTokenizer?.Get("type").Text == "ByteLevel" ? settings.AddsPrefixSpace : null) ?? IsAddedBy(file, preTokenizer);
    }

    private static bool IsAddedBy(LocatedJson file, LocatedJson? preTokenizer) =>
        Steps(preTokenizer, "pretokenizers").Concat(Steps(file.Find("normalizer"), "normalizers")).Any(Adds);

    /// <summary>The steps of a Sequence, flattened; else the step itself.</summary>
    public static List<LocatedJson> Steps(LocatedJson? place, string name) =>
        place is not { } part ? []
        : part.Get("type").Text == "Sequence" ? [.. part.Get(name).Items().SelectMany(item => Steps(item, name))]
        : [part];

    private static bool MovesStart(LocatedJson part) => part.Get("type").Text switch
    {
        "Prepend" or "Strip" => true,
        // a match of several characters at the start moves it, though what takes its place stands there
        "Replace" => part.Get("pattern").Find("String")?.Text.Length != 1 || part.Get("content").Text.Length == 0,
        _ => false,
    };

    private static bool Adds(LocatedJson part) => part.Get("type").Text switch
    {
        "ByteLevel" => part.Flag("add_prefix_space", true),
        "Metaspace" => (part.Find("prepend_scheme")?.Text ?? (part.Flag("add_prefix_space", true) ? "always" : "never")) != "never",
        "Prepend" => true,
        _ => false,
    };
}
