namespace Skipwise.Text;

/// <summary>Whether a text gets a space in front is said by tokenizer.json and by tokenizer_config.json's add_prefix_space.</summary>
internal static class PrefixSpace
{
    /// <summary>The pre-tokenizer that both files agree on.</summary>
    /// <remarks>
    /// transformers lets add_prefix_space change a ByteLevel that stands alone (without the setting, to false). Of other tokenizers it
    /// ignores the setting, or builds them anew, from version to version.
    /// </remarks>
    /// <exception cref="SkipwiseException">the files differ, and no rule says which counts</exception>
    public static JsonPlace? Agreed(JsonPlace file, TokenizerSettings settings)
    {
        var preTokenizer = file.Find("pre_tokenizer");
        bool alone = preTokenizer?.Get("type").Text == "ByteLevel";
        bool own = Adds(preTokenizer) || Adds(file.Find("normalizer"));
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
        if (file.Find("normalizer") is { } normalizer && AsksForStart(preTokenizer) && MovesStart(normalizer))
        {
            throw normalizer.Error(
                "changes where a text starts, and the pre-tokenizer Metaspace puts a space there (\"prepend_scheme\": \"first\"); " +
                "Skipwise does not read the two together");
        }
        return preTokenizer;
    }

    private static bool AsksForStart(JsonPlace? place) => place is { } part && part.Get("type").Text switch
    {
        "Sequence" => part.Get("pretokenizers").Items().Any(item => AsksForStart(item)),
        "Metaspace" => part.Find("prepend_scheme")?.Text == "first",
        _ => false,
    };

    private static bool MovesStart(JsonPlace part) => part.Get("type").Text switch
    {
        "Sequence" => part.Get("normalizers").Items().Any(MovesStart),
        "Prepend" or "Strip" => true,
        "Replace" => part.Get("content").Text.Length == 0,
        _ => false,
    };

    private static bool Adds(JsonPlace? place) => place is { } part && part.Get("type").Text switch
    {
        "Sequence" => (part.Find("pretokenizers") ?? part.Get("normalizers")).Items().Any(item => Adds(item)),
        "ByteLevel" => part.Flag("add_prefix_space", true),
        "Metaspace" => (part.Find("prepend_scheme")?.Text ?? (part.Flag("add_prefix_space", true) ? "always" : "never")) != "never",
        "Prepend" => true,
        _ => false,
    };
}
