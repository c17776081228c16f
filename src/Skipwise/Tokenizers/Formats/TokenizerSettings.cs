using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// The settings of a tokenizer in the files next to it: tokenizer_config.json, special_tokens_map.json and added_tokens.json, else the ids
/// in config.json and generation_config.json. All of them are optional.
/// </summary>
internal sealed class TokenizerSettings
{
    private static readonly string[] s_roles = ["bos", "eos", "unk", "pad", "sep", "cls", "mask"];

    /// <summary>Unsupported settings that would change ids.</summary>
    private static readonly (string Name, string What)[] s_refused =
    [
        ("add_eos_token", "puts no end token behind a text by itself"),
        ("split_special_tokens", "takes special tokens in a text for what they are"),
        ("do_lower_case", "makes no letters small that the tokenizer's own file does not"),
        ("fix_mistral_regex", "cuts words as tokenizer.json says"),
    ];

    private readonly LocatedJson? _tokenizerConfig;
    private readonly LocatedJson? _config;
    private readonly List<LocatedJson> _named; // files that name the special tokens
    private readonly List<LocatedJson> _numbered; // files that give their ids

    /// <summary>Reads the files of a folder.</summary>
    public TokenizerSettings(string folder)
        : this(name => Path.Combine(folder, name) is var path && File.Exists(path) ? LocatedJson.Read(path) : null)
    {
    }

    /// <summary>Reads files from anywhere.</summary>
    /// <param name="read">a file by its name; null: it is not there</param>
    public TokenizerSettings(Func<string, LocatedJson?> read)
    {
        _tokenizerConfig = read("tokenizer_config.json");
        _named = Present(_tokenizerConfig, read("special_tokens_map.json"));
        foreach (var (name, what) in s_refused)
        {
            if (_tokenizerConfig?.Find(name) is { IsTruth: true, Truth: true } setting)
            {
                throw setting.Error($"is true, and Skipwise {what}; set it to false if the model may go without");
            }
        }
        _config = read("config.json");
        _numbered = Present(_config, read("generation_config.json"));
        if (_tokenizerConfig?.Find("added_tokens_decoder") is { } decoder)
        {
            foreach (var (name, token) in decoder.Members())
            {
                if (!int.TryParse(name, out int id))
                {
                    throw token.Error("has a key that is no token id");
                }
                PlacedTokens.Add((token, AddedToken.Read(token, VocabularyChecks.CheckedId(token, id))));
            }
        }
        else if (read("added_tokens.json") is { } added)
        {
            PlacedTokens.AddRange(added.Members()
                .Select(m => (m.Value, new AddedToken(VocabularyChecks.CheckedId(m.Value, m.Value.Number), m.Name, Special: false))));
        }
        PlacedTokens.Sort((a, b) => a.Token.Id.CompareTo(b.Token.Id)); // the order in which transformers adds them
    }

    /// <summary>tokens that these files add to the tokenizer's own, in order of their ids, with their places</summary>
    public List<(LocatedJson Place, AddedToken Token)> PlacedTokens { get; } = [];

    public IEnumerable<AddedToken> AddedTokens => PlacedTokens.Select(placed => placed.Token);

    /// <summary>The tokenizer's class in tokenizer_config.json, else the model_type of config.json, else null.</summary>
    public LocatedJson? Kind =>
        _tokenizerConfig?.Find("tokenizer_class") ?? _config?.Find("tokenizer_class") ?? _config?.Find("model_type");

    /// <summary>The texts of all special tokens in the files, of any role.</summary>
    public IEnumerable<string> SpecialTexts => s_roles.Select(role => TokenText($"{role}_token")).OfType<string>()
        .Concat(_named.Select(file => file.Find("additional_special_tokens")).Where(list => list is { IsArray: true })
            .SelectMany(list => list!.Value.Items()).Select(Content));

    /// <summary>The texts of the special tokens by the names of their roles (bos_token, ...), as chat templates get them.</summary>
    public IEnumerable<(string Name, string Text)> TokensByRole => s_roles.Select(role => $"{role}_token")
        .Select(name => (name, TokenText(name)!)).Where(token => token.Item2 is not null);

    /// <summary>Whether there is a tokenizer_config.json.</summary>
    public bool HasConfig => _tokenizerConfig is not null;

    /// <summary>Whether a text without a leading space gets one (add_prefix_space); null if tokenizer_config.json does not state
    /// it.</summary>
    public bool? AddsPrefixSpace => _tokenizerConfig?.Find("add_prefix_space")?.Truth;

    /// <summary>Whether BOS is prepended to a text, by tokenizer_config.json, else by the tokenizer's class.</summary>
    public bool? AddsBos => _tokenizerConfig?.Find("add_bos_token")?.Truth ?? AddsBosByClass;

    /// <summary>Whether tokenizer_config.json or the tokenizer's class determines that no EOS is appended to a text.</summary>
    public bool NoEos => _tokenizerConfig?.Find("add_eos_token") is not null || AddsBosByClass is not null;

    private bool? AddsBosByClass => _tokenizerConfig?.Find("tokenizer_class")?.Text.Replace("Fast", "", StringComparison.Ordinal) switch
    {
        "LlamaTokenizer" or "CodeLlamaTokenizer" or "GemmaTokenizer" => true,
        "GPTNeoXTokenizer" => false,
        _ => null,
    };

    public SkipwiseException Error(string complaint) => _tokenizerConfig!.Value.Error(complaint);

    /// <summary>
    /// Whether a space is prepended to each text between two special tokens, as in the first Llama tokenizer, and not only to the first
    /// text ("legacy": false).
    /// </summary>
    public bool Legacy => _tokenizerConfig?.Find("legacy")?.Truth ?? true;

    /// <summary>The text of "bos_token" or "eos_token": a string, or an object with the string as its content.</summary>
    public string? TokenText(string name) => _named
        .Select(file => file.Find(name))
        .Where(token => token is not null)
        .Select(token => Content(token!.Value))
        .FirstOrDefault();

    private static string Content(LocatedJson token) => token.IsObject ? token.Get("content").Text : token.Text;

    /// <summary>The id under "bos_token_id" or "eos_token_id", the first if there are several.</summary>
    public int? TokenId(string name) => TokenIds(name).Select(id => (int?)id).FirstOrDefault();

    /// <summary>The special tokens, with every end token in the model's files, because programs stop at each of them.</summary>
    /// <param name="idOf">the id of a token's text</param>
    /// <param name="unknown">the unknown token of the tokenizer's file; null: by these files, without effect on encoding</param>
    /// <param name="pad">the padding token of the tokenizer's file</param>
    public SpecialTokens Special(
        int? bos, int? eos, bool addsBos, Func<string, int?> idOf, int? unknown = null, int? pad = null) =>
        new(bos, eos, [.. (eos is null ? TokenIds("eos_token_id") : TokenIds("eos_token_id").Prepend(eos.Value)).Distinct()], addsBos,
            Find("pad", idOf, pad), unknown ?? Find("unk", idOf, null));

    /// <summary>All ids under that name, single or in lists. Some files use -1 for none.</summary>
    private IEnumerable<int> TokenIds(string name) => Present([.. _numbered.Select(file => file.Find(name))])
        .SelectMany(id => id.IsArray ? id.Items() : [id])
        .Select(id => id.Number)
        .Where(id => id >= 0);

    /// <summary>The id of "bos", "eos", "pad" or "unk": by its text, else by the id in the model's configuration, else by the tokenizer's
    /// file.</summary>
    public int? Find(string name, Func<string, int?> idOf, int? defaultValue) =>
        (TokenText($"{name}_token") is { } text ? idOf(text) : null) ?? defaultValue ?? TokenId($"{name}_token_id");

    private static List<LocatedJson> Present(params LocatedJson?[] places) => [.. places.Where(p => p is not null).Select(p => p!.Value)];
}
