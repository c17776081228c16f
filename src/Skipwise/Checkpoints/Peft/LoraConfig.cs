using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.Peft;

/// <summary>The adapter_config.json of a LoRA adapter, with PEFT's names.</summary>
internal sealed record LoraConfig
{
    /// <summary>Name of the file in an adapter's folder.</summary>
    public const string FileName = "adapter_config.json";

    /// <summary>r, unless overridden by <see cref="RankPattern"/></summary>
    public required int Rank { get; init; }
    /// <summary>lora_alpha, unless overridden by <see cref="AlphaPattern"/></summary>
    public required double Alpha { get; init; }
    /// <summary>use_rslora: B A is scaled by alpha / sqrt(r) instead of alpha / r</summary>
    public bool RankStabilized { get; init; }
    /// <summary>name or pattern of a module -> its own r</summary>
    public IReadOnlyDictionary<string, double> RankPattern { get; init; } = new Dictionary<string, double>();
    /// <summary>name or pattern of a module -> its own alpha</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();
    /// <summary>target_modules: modules with LoRA weights, as suffixes of their names such as q_proj, or the pattern that was
    /// read</summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];
    /// <summary>modules_to_save: modules that are fully trained</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];
    /// <summary>ensure_weight_tying: changes of a tied model's embedding apply to its head too</summary>
    public bool EnsuresTying { get; init; }
    /// <summary>bias: some of the model's biases were trained too</summary>
    public bool TrainsBiases { get; init; }
    /// <summary>lora_dropout, which only training reads</summary>
    public double Dropout { get; init; }
    /// <summary>base_model_name_or_path</summary>
    public string? BaseModel { get; init; }

    // Keys that do not affect the meaning of the tensors: notes of the writer, and training options.
    private static readonly string[] s_ignoredKeys =
    [
        "auto_mapping", "base_model_name_or_path", "inference_mode", "revision", "task_type", "peft_type", "peft_version", "lora_dropout",
        "layers_pattern",
        "layers_to_transform", "exclude_modules", "bias", "fan_in_fan_out", "megatron_core", "ensure_weight_tying", "qalora_group_size",
        "r", "lora_alpha", "use_rslora", "rank_pattern",
        "alpha_pattern", "target_modules", "modules_to_save", "init_lora_weights", "eva_config",
    ];

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(0.25);

    // Initializations that leave the base model unchanged; the others subtract something from it that only PEFT adds back.
    private static readonly string[] s_initialisations = ["gaussian", "eva", "orthogonal"];

    /// <summary>Reads an adapter_config.json.</summary>
    /// <exception cref="SkipwiseException">no such file, a key of the wrong type, or a method other than plain LoRA</exception>
    public static LoraConfig Read(string path)
    {
        JsonSection root = JsonSection.ReadFile(path);
        if (root.OptionalString("peft_type") is not "LORA" and var type)
        {
            throw root.Error("peft_type",
                $"expected \"LORA\", found {(type is null ? "nothing" : $"\"{type}\"")}; other adapters are not supported");
        }
        foreach ((string key, JsonNode? value) in root.Json)
        {
            if (!s_ignoredKeys.Contains(key) && IsMeaningful(value))
            {
                throw root.Error(key,
                    $"{value!.ToJsonString()} is not supported: it changes what the adapter computes. Merge the adapter with PEFT " +
                    $"(merge_and_unload) and use the merged model");
            }
        }
        if (root.Json["init_lora_weights"] is JsonValue start && start.GetValueKind() == JsonValueKind.String
            && !s_initialisations.Contains((string)start!))
        {
            throw root.Error("init_lora_weights",
                $"\"{(string)start!}\" trains against a changed base model. Convert the adapter with PEFT's " +
                $"save_pretrained(path_initial_model_for_weight_conversion=...)");
        }
        return new LoraConfig
        {
            Rank = root.Positive("r", most: 1 << 20),
            Alpha = root.Double("lora_alpha"),
            RankStabilized = root.Bool("use_rslora", false),
            RankPattern = Pattern(root, "rank_pattern"),
            AlphaPattern = Pattern(root, "alpha_pattern"),
            TargetModules = Names(root, "target_modules"),
            ModulesToSave = Names(root, "modules_to_save"),
            EnsuresTying = root.Bool("ensure_weight_tying", false),
            TrainsBiases = root.OptionalString("bias") is not (null or "none"),
            Dropout = root.Double("lora_dropout", 0),
            BaseModel = root.OptionalString("base_model_name_or_path"),
        };
    }

    /// <summary>r of a module.</summary>
    /// <exception cref="RegexMatchTimeoutException">a pattern with excessive backtracking</exception>
    public double RankOf(string module) => Matching(RankPattern, module) ?? Rank;

    /// <summary>The factor of B A before it is added to the module's weight.</summary>
    public double ScaleOf(string module)
    {
        double rank = RankOf(module);
        return (Matching(AlphaPattern, module) ?? Alpha) / (RankStabilized ? Math.Sqrt(rank) : rank);
    }

    /// <summary>The file's text, with the keys that every release of PEFT since 0.5 accepts.</summary>
    public string Text()
    {
        var json = new JsonObject
        {
            ["peft_type"] = "LORA",
            ["task_type"] = "CAUSAL_LM",
            ["base_model_name_or_path"] = BaseModel,
            ["inference_mode"] = true,
            ["r"] = Rank,
            ["lora_alpha"] =
                JsonNode.Parse(Alpha == Math.Floor(Alpha) && Math.Abs(Alpha) < 1e15 ? ((long)Alpha)
                    .ToString(System.Globalization.CultureInfo.InvariantCulture) : HfConfig.Float(Alpha).ToJsonString()),
            ["lora_dropout"] = HfConfig.Float(Dropout),
            ["target_modules"] = new JsonArray([.. TargetModules.Select(name => JsonValue.Create(name))]),
            ["modules_to_save"] = ModulesToSave.Count == 0
            ? null
            : new JsonArray([.. ModulesToSave.Select(name => JsonValue.Create(name))]),
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["init_lora_weights"] = true,
            ["rank_pattern"] = Object(RankPattern),
            ["alpha_pattern"] = Object(AlphaPattern),
        };
        if (RankStabilized)
        {
            json["use_rslora"] = true; // younger than 0.5
        }
        return HfConfig.Text(json);
    }

    private static JsonObject Object(IReadOnlyDictionary<string, double> pattern) =>
        new(pattern.Select(pair =>
            KeyValuePair.Create(pair.Key, JsonNode.Parse(pair.Value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)))));

    /// <summary>Whether a value switches a method on: it is not null, false or empty.</summary>
    private static bool IsMeaningful(JsonNode? value) => value switch
    {
        null => false,
        JsonArray list => list.Count > 0,
        JsonObject inner => inner.Count > 0,
        _ => value.GetValueKind() != JsonValueKind.False,
    };

    private static Dictionary<string, double> Pattern(JsonSection root, string key)
    {
        if (root.Section(key) is not { } section)
        {
            return [];
        }
        foreach ((string pattern, _) in section.Json)
        {
            if (section.Double(pattern) is not > 0 or double.PositiveInfinity)
            {
                throw section.Error(pattern, "expected a number > 0");
            }
            try
            {
                Matches(pattern, "");
            }
            catch (ArgumentException e)
            {
                throw section.Error(pattern, $"is no pattern that can be matched: {e.Message}");
            }
        }
        return section.Json.ToDictionary(pair => pair.Key, pair => section.Double(pair.Key));
    }

    /// <summary>Reads a list of names, a single pattern, or nothing.</summary>
    private static string[] Names(JsonSection root, string key) => root.Json[key] switch
    {
        null => [],
        JsonArray list =>
            [.. list.Select(item => item is JsonValue value && value.TryGetValue(out string? name) ? name
                : throw root.Error(key, "expected a list of names"))],
        _ => [root.OptionalString(key)!],
    };

    private static double? Matching(IReadOnlyDictionary<string, double> pattern, string module) =>
        pattern.Where(pair => Matches(pair.Key, module)).Select(pair => (double?)pair.Value).FirstOrDefault();

    /// <summary>Whether a pattern matches a module's name or its suffix after a dot. Has a short timeout, because the pattern comes from a
    /// downloaded file.</summary>
    private static bool Matches(string pattern, string module) =>
        Regex.IsMatch(module, $@"^(?:.*\.)?(?:{pattern})$", RegexOptions.CultureInvariant, s_patience);
}
