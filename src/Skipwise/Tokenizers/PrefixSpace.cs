using Skipwise.Storage;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Tokenizers;

/// <summary>Whether a text gets a space in front is said by tokenizer.json and by tokenizer_config.json's add_prefix_space.</summary>
internal static class PrefixSpace
{
    /// <summary>The pre-tokenizer that both files agree on.</summary>
    /// <remarks>
    /// transformers lets add_prefix_space change a ByteLevel that stands alone (without the setting, to false). Of other tokenizers it
    /// ignores the setting, or builds them anew, from version to version.
    /// </remarks>
    /// <exception cref="SkipwiseException">the files differ, and no rule says which counts</exception>
    public static LocatedJson? Agreed(LocatedJson file, TokenizerSettings settings)
    {
        var preTokenizer = file.Find("pre_tokenizer");
        bool alone = preTokenizer?.Get("type").Text == "ByteLevel";
        bool own = Steps(preTokenizer, "pretokenizers").Concat(Steps(file.Find("normalizer"), "normalizers")).Any(Adds);
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

    /// <summary>The parts of a Sequence, of those in it too; else the part itself.</summary>
    private static List<LocatedJson> Steps(LocatedJson? place, string name) =>
        place is not { } part ? []
        : part.Get("type").Text == "Sequence" ? [.. part.Get(name).Items().SelectMany(item => Steps(item, name))]
        : [part];

    private static bool MovesStart(LocatedJson part) => part.Get("type").Text switch
    {
        "Prepend" or "Strip" => true,
        "Replace" => part.Get("content").Text.Length == 0,
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
