using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Recipes;
using static System.FormattableString;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise merge</c></summary>
internal static class MergeVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("merge",
            "Merge a LoRA adapter into its base model, or average a tuned model with its base, and save the result as a new model folder.",
            """
            skipwise merge --model llama-2-7b --adapter lora-16k --out llama-2-7b-16k
            skipwise merge -m llama-2-7b -a lora-16k -o llama-2-7b-16k --threads 8
            skipwise merge --model llama-2-7b --adapter lora-16k --out llama-2-7b-16k --json merged.json
            skipwise merge --model llama-2-7b --tuned llama-2-7b-16k --average 0.7 --out llama-2-7b-16k-0.7
            """);
        Flag<string> model = verb.Required("--model", "folder",
                "Hugging Face folder of the base model, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(MergeAdapterOptions.Model)).Sets(nameof(AverageModelsOptions.Model));
        Flag<string?> adapter =
            verb.Text("--adapter", "folder", "LoRA adapter in PEFT's layout (adapter_config.json, adapter_model.safetensors or .bin)")
            .Sets(nameof(MergeAdapterOptions.Adapter));
        Flag<string?> tuned = verb.Text("--tuned", "folder", "instead of an adapter: a model that was tuned from the base model as a whole")
            .Sets(nameof(AverageModelsOptions.Tuned));
        Flag<double?> weight = verb.OptionalNumber("--average",
            "with --tuned: W in W x tuned + (1 - W) x base; rope, window and tokenizer are the tuned model's")
            .Sets(nameof(AverageModelsOptions.Weight));
        Flag<string> folder = verb.Required("--out", "folder", "folder of the merged model")
            .Sets(nameof(MergeAdapterOptions.Out)).Sets(nameof(AverageModelsOptions.Out));
        var json = new JsonFlag<MergedModel>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            switch (adapter.ValueOf(parse), tuned.ValueOf(parse), weight.ValueOf(parse))
            {
                case ({ } lora, null, null):
                    Merge(parse, screen, json,
                        new MergeAdapterOptions { Model = model.ValueOf(parse), Adapter = lora, Out = folder.ValueOf(parse) }, stop);
                    break;
                case (null, { } other, { } share):
                    Average(parse, screen, json, new AverageModelsOptions
                    {
                        Model = model.ValueOf(parse),
                        Tuned = other,
                        Weight = share,
                        Out = folder.ValueOf(parse),
                    }, stop);
                    break;
                default:
                    throw new SkipwiseException($"give {adapter.Name}, or {weight.Name} and {tuned.Name} together");
            }
            return ExitCode.Success;
        });
        return verb;
    }

    private static void Merge(ParseResult parse, Screen screen, JsonFlag<MergedModel> json, MergeAdapterOptions options,
        CancellationToken stop)
    {
        MergedAdapter merged = MergeAdapter.Run(options, screen.Notes, stop);
        json.Show(parse, screen, new MergedModel(options.Out, merged.Updates, merged.Replaced, merged.LosesPrecision), () =>
            screen.Line(
                $"saved {options.Out}: {merged.Updates} weights updated" +
                $"{(merged.Replaced > 0 ? $", {merged.Replaced} replaced" : "")}"));
        if (merged.LosesPrecision)
        {
            screen.Note("warning: the merged weights were rounded to the type in which the base model is stored");
        }
    }

    private static void Average(ParseResult parse, Screen screen, JsonFlag<MergedModel> json, AverageModelsOptions options,
        CancellationToken stop)
    {
        AveragedModel average = AverageModels.Run(options, screen.Notes, stop);
        var merged = new MergedModel(options.Out, average.Tensors, 0, average.LosesPrecision, options.Weight);
        json.Show(parse, screen, merged, () => screen.Line(
            $"saved {options.Out}: {average.Tensors} tensors, " +
            Invariant($"{options.Weight} x {options.Tuned} + {1 - (decimal)options.Weight} x {options.Model}")));
        if (average.LosesPrecision)
        {
            screen.Note("warning: the averages were rounded to the type in which the tuned model is stored");
        }
    }
}
