using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>Logits of every family's fixtures in float32, and the shipped model's choices in bfloat16.</summary>
internal static class FixtureLogits
{
    private const double Tolerance = 1e-3, EqualChoices = 0.999;
    private const double Margin = 0.1; // logits; bfloat16 has 8 bits, and every layer rounds

    public static JsonObject Run(GpuSetup setup)
    {
        var differences = new JsonObject();
        double largest = 0;
        foreach (string folder in Directory.GetDirectories(setup.Fixtures).Order(StringComparer.Ordinal).Where(HasReference))
        {
            string name = Path.GetFileName(folder);
            try
            {
                Verification verified = VerifyLogits.Run(new()
                {
                    Model = folder,
                    Reference = Path.Combine(folder, "reference.safetensors"),
                    Rope = Overrides(name),
                    Compute = setup.Compute(),
                    Tolerance = Tolerance,
                });
                double worst = verified.Differences.Max(difference => difference.Largest);
                differences[name] = double.IsFinite(worst) ? worst : "NaN";
                largest = double.IsNaN(worst) ? double.PositiveInfinity : Math.Max(largest, worst);
            }
            catch (SkipwiseException e)
            {
                differences[name] = e.Message;
                largest = double.PositiveInfinity;
            }
        }
        (double all, double clear) = EqualShares(setup);
        return new()
        {
            ["largest_float32"] = double.IsFinite(largest) ? largest : "not every fixture was computed",
            ["equal_choices_bfloat16"] = Math.Round(all, 5),
            ["equal_clear_choices_bfloat16"] = Math.Round(clear, 5),
            ["fixtures"] = differences,
            ["passed"] = differences.Count > 0 && largest <= Tolerance && clear >= EqualChoices,
        };
    }

    private static bool HasReference(string folder) =>
        File.Exists(Path.Combine(folder, "config.json")) && File.Exists(Path.Combine(folder, "reference.safetensors"));

    /// <summary>What a fixture's config.json does not say of the original code's rope (tests/Skipwise.Tests/fixtures/README.md).</summary>
    private static RopeOverrides Overrides(string name) => name switch
    {
        "llama-yarn16" or "llama-gqa-yarn16-tied" or "baichuan2-yarn16" => new() { Type = RopeType.YarnRevised },
        "gptj-yarn16" => new() { OriginalLength = 2048 },
        _ => new(),
    };

    /// <summary>
    /// The share of positions whose most probable token in bfloat16 on the device is that in float32 on the CPU: of all, and of those where
    /// it leads by more than <see cref="Margin"/>. The synthetic texts hold many draws between equally probable names, which any rounding
    /// decides.
    /// </summary>
    private static (double All, double Clear) EqualShares(GpuSetup setup)
    {
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        ITokenizer tokenizer = TokenizerLoader.Load(GpuSetup.ShippedModel);
        Tensor Logits(ScalarType dtype, Device device)
        {
            using PretrainedModel shipped = PretrainedModel.Load(new ModelSource(GpuSetup.ShippedModel), dtype, device);
            int window = shipped.Model.Config.MaxPositionEmbeddings;
            IEnumerable<string> texts = GpuModels.Chronicles(tokenizer, setup.IsSmall ? 1 : 64, 2 * window);
            long[] ids = [.. texts.SelectMany(text => tokenizer.Encode(text)[..window]).Select(id => (long)id)];
            Tensor positions = arange(window, ScalarType.Int64, device).unsqueeze(0);
            return shipped.Model.Logits(tensor(ids, device: device).view(-1, window), positions).to(ScalarType.Float32, CPU); // [B, T, V]
        }
        (Tensor best, Tensor choices) = Logits(ScalarType.Float32, CPU).topk(2); // [B, T, 2]
        Tensor equal = choices.select(-1, 0).eq(Logits(ScalarType.BFloat16, setup.Device).argmax(-1)).to(ScalarType.Float64);
        Tensor isClear = (best.select(-1, 0) - best.select(-1, 1)).gt(Margin);
        return (equal.mean().ToDouble(), equal.masked_select(isClear).mean().ToDouble());
    }
}
