using System.Text.Json.Serialization;

namespace Skipwise.Models.Lora;

/// <summary>
/// Low-rank adaptation (LoRA, Hu et al. 2021) of a frozen model, whose weights may be quantized (QLoRA, Dettmers et al. 2023).
/// </summary>
public sealed record LoraOptions
{
    /// <summary>matches every projection but the head</summary>
    public const string AllLinear = "all-linear";

    /// <summary>r, rank of the adapters; 0 trains the whole model</summary>
    [Within(0, 1 << 16, LeastMeans = "train the whole model")]
    public int Rank { get; init; }
    /// <summary>adapters are scaled by alpha / r; null: 2 r</summary>
    [Within(-1e9, 1e9)]
    public double? Alpha { get; init; }
    /// <summary>dropout probability of the adapters' input, drawn for every micro-batch</summary>
    [Within(0, 1, Below = true)]
    public double Dropout { get; init; }
    /// <summary>projections that get an adapter, by the last part of their names, or <see cref="AllLinear"/></summary>
    public IReadOnlyList<string> TargetModules { get; init; } = ["q_proj", "k_proj", "v_proj", "o_proj"];
    /// <summary>also train the norms fully: extending the window needs it (LongLoRA, Chen et al. 2023)</summary>
    public bool TrainNorms { get; init; }
    /// <summary>also train the embedding and the head fully</summary>
    public bool TrainEmbeddings { get; init; }
    /// <summary>quantize the frozen projections to 8 or 4 bits; null: not</summary>
    public int? QuantizationBits { get; init; }

    /// <summary>Whether anything but full fine-tuning is asked for.</summary>
    [JsonIgnore]
    public bool IsEnabled => Rank > 0;

    /// <summary>Scale of the adapters' outputs, alpha / r.</summary>
    [JsonIgnore]
    public double Scaling => (Alpha ?? 2.0 * Rank) / Rank;

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate()
    {
        var problems = new List<string>();
        if (Rank == 0 && (QuantizationBits is not null || TrainNorms || TrainEmbeddings || Alpha is not null || Dropout != 0))
        {
            problems.Add($"{OptionName.Of(nameof(LoraOptions.QuantizationBits))} and all options of LoRA need " +
                $"{OptionName.Of(nameof(LoraOptions.Rank))}, say 16");
        }
        if (Rank > 0 && TargetModules.Count == 0)
        {
            problems.Add($"{OptionName.Of(nameof(LoraOptions.TargetModules))} names no projection");
        }
        if (QuantizationBits is not (null or 4 or 8))
        {
            problems.Add($"{OptionName.Of(nameof(LoraOptions.QuantizationBits))} is {QuantizationBits}; it must be 8 or 4");
        }
        OptionCheck.Require("LoRA", this, problems);
    }
}
