using System.CommandLine;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Recipes;

namespace Skipwise.Cli.Flags;

/// <summary>A LoRA adapter, wherever a model is loaded.</summary>
internal static class AdapterFlag
{
    public static Flag<string?> Adapter(this Command command) =>
        command.Text("--adapter", "folder", "LoRA adapter in PEFT's layout, merged into the model's weights as it is loaded")
        .Sets(nameof(FineTuneOptions.Adapter)).Sets(nameof(EvaluatePasskeyOptions.Adapter))
        .Sets(nameof(EvaluatePerplexityOptions.Adapter)).Sets(nameof(EvaluateTasksOptions.Adapter))
        .Sets(nameof(EvaluateNeedleOptions.Adapter)).Sets(nameof(EvaluateRulerOptions.Adapter))
        .Sets(nameof(GenerateTextOptions.Adapter)).Sets(nameof(VerifyLogitsOptions.Adapter)).Sets(nameof(ModelSource.Adapter));
}
