using System.CommandLine;
using Skipwise.Recipes;

namespace Skipwise.Cli.Flags;

/// <summary>The precision of the weights, wherever texts are generated.</summary>
internal static class QuantizeFlag
{
    public static Flag<int?> Quantize(this Command command) =>
        command.OptionalInteger("--quantize",
            "quantize the layers' matrices as they are loaded: 8 or 4 (NF4) bits; 8 is also faster on a CPU [default: not quantized]")
        .Sets(nameof(TextModelOptions.QuantizationBits)).Sets(nameof(GenerateTextOptions.QuantizationBits));
}
