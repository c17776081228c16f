using System.Text.Json.Serialization;

namespace Skipwise.Models.Lora;

/// <summary>Low-rank adaptation (Hu et al. 2021) of a frozen model, whose weights may be held in few bits (Dettmers et al. 2023).</summary>
public sealed record LoraOptions
{
    /// <summary>stands for every projection but the head</summary>
    public const string AllLinear = "all-linear";

    /// <summary>r, the inner dimension of the updates; 0 trains the whole model</summary>
    [Within(0, 1 << 16, Name = "--lora-rank", LeastMeans = "train the whole model")]
    public int Rank { get; init; }
    /// <summary>updates are multiplied by alpha / r; null takes 2 r</summary>
    [Within(-1e9, 1e9, Name = "--lora-alpha")]
    public double? Alpha { get; init; }
    /// <summary>share of a projection's inputs that its update does not see, drawn for every micro-batch</summary>
    [Within(0, 1, Name = "--lora-dropout", Below = true)]
    public double Dropout { get; init; }
    /// <summary>projections that get an update, by the last part of their names, or <see cref="AllLinear"/></summary>
    public IReadOnlyList<string> TargetModules { get; init; } = ["q_proj", "k_proj", "v_proj", "o_proj"];
    /// <summary>train the norms too, as a whole: a longer context needs it (LongLoRA, Chen et al. 2023)</summary>
    public bool TrainNorms { get; init; }
    /// <summary>train the embedding and the head too, as a whole</summary>
    public bool TrainEmbeddings { get; init; }
    /// <summary>hold the frozen projections in 8 or 4 bits; null keeps them as they are</summary>
    public int? QuantizationBits { get; init; }

    /// <summary>Whether there is anything but training the whole model.</summary>
    [JsonIgnore]
    public bool IsEnabled => Rank > 0;

    /// <summary>What an update is multiplied with.</summary>
    [JsonIgnore]
    public double Scaling => (Alpha ?? 2.0 * Rank) / Rank;

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate()
    {
        var problems = new List<string>();
        if (Rank == 0 && (QuantizationBits is not null || TrainNorms || TrainEmbeddings || Alpha is not null || Dropout != 0))
        {
            problems.Add("--quantization-bits and the --lora options need --lora-rank, say 16");
        }
        if (Rank > 0 && TargetModules.Count == 0) { problems.Add("--lora-target-modules names no projection"); }
        if (QuantizationBits is not (null or 4 or 8)) { problems.Add($"--quantization-bits is {QuantizationBits}; it must be 8 or 4"); }
        OptionCheck.Require("LoRA", this, problems);
    }
}
