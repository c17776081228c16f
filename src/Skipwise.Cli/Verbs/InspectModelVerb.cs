using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Models;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect model</c>, and <c>skipwise inspect</c> where no closer look is asked for</summary>
internal static class InspectModelVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("model",
            "Show a model's sizes, window, rotary embedding and memory, and which programs can run it, without loading its weights.",
            """
            skipwise inspect model --model llama-2-7b
            skipwise inspect model --model llama-2-7b --adapter lora-16k
            skipwise inspect model --model llama-2-7b --rope yarn --rope-factor 8 --json
            """);
        ShowsModel(verb, screen);
        return verb;
    }

    public static void ShowsModel(Verb verb, Screen screen)
    {
        Flag<string> folder = verb.Required("--model", "folder",
                "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(ModelSource.Folder));
        Flag<string?> adapter = verb.Adapter();
        var rope = new RopeFlags(verb);
        var json = new JsonFlag<ModelDescription>(verb);
        verb.OnRun(screen, (parse, _) =>
        {
            ModelDescription description =
                InspectModel.Describe(new ModelSource(folder.ValueOf(parse), rope.Of(parse), Adapter: adapter.ValueOf(parse)));
            json.Show(parse, screen, description, () => Show(screen, description));
            return ExitCode.Success;
        });
    }

    private static void Show(Screen screen, ModelDescription description)
    {
        DecoderConfig model = description.Model;
        (string Name, string Value)[] facts =
        [
            ("family", description.ModelType),
            ("parameters", $"{description.Parameters:N0}"),
            ("stored as", $"{string.Join(", ", description.Types)}, {Bytes(description.StoredBytes)}"),
            ("vocabulary", $"{model.VocabSize}{(model.TieWordEmbeddings ? ", head tied to the embedding" : "")}"),
            ("hidden size", $"{model.HiddenSize}, feed-forward {model.IntermediateSize}"),
            ("layers", $"{model.NumHiddenLayers}"),
            ("heads", $"{model.NumAttentionHeads} of {model.HeadDim} dimensions, {model.NumKeyValueHeads} for keys and values"),
            ("window", $"{model.MaxPositionEmbeddings} " +
                $"tokens{(model.MaxPositionEmbeddings != description.OriginalLength ? $", originally {description.OriginalLength}" : "")}"
                + (model.SlidingWindow is { } width
                    ? $", of which a token attends to the last {width} in layers {model.FirstSlidingLayer} to {model.NumHiddenLayers - 1}"
                    : "")),
            ("rope", ContextExtension.Describe(model.Rope) +
                (model.RotaryDim < model.HeadDim ? $", on {model.RotaryDim} dimensions of a head" : "")),
            ("wavelengths", Wavelengths(description)),
            ("memory to load",
                Bytes(description.LoadBytes) + (description.LoadBytes < description.WeightBytes
                    ? $", 16-bit weights as they are ({Bytes(description.WeightBytes)} as float32)"
                    : " (float32)")),
            ("... to train",
                $"{Bytes(description.TrainBytes)}: weights {Bytes(description.WeightBytes)}, gradients " +
                $"{Bytes(description.GradientBytes)}, AdamW {Bytes(description.OptimizerBytes)}; and activations"),
            ("... to read", $"{Bytes(description.CacheBytes)} of key/value cache for one full window"),
        ];
        screen.Facts(facts);
        foreach (string warning in description.Warnings)
        {
            screen.Note($"warning: {warning}");
        }
        screen.Line();
        screen.Table(new ResultTable("Where it runs, scaled as it is", ["program", "runs", "how, or why not"],
            [.. description.Exports.Select(route => (IReadOnlyList<string>)[route.Engine, route.Possible ? "yes" : "no", route.How])],
            Prose: true));
        screen.Line(ExportRoutes.Evidence);
    }

    /// <summary>"26 of 64 longer than the original window of 2048 tokens: pairs 38..63".</summary>
    private static string Wavelengths(ModelDescription description) =>
        $"{description.LongPairs.Count} of {description.Model.RotaryDim / 2} longer than the original window of " +
        $"{description.OriginalLength} tokens" +
        (description.LongPairs.Count > 0 ? $": pairs {Ranges(description.LongPairs)}" : "");

    /// <summary>"3, 5..9" of rising numbers.</summary>
    private static string Ranges(IReadOnlyList<int> numbers) => string.Join(", ", numbers
        .Select((number, i) => (Number: number, Run: number - i)).GroupBy(x => x.Run)
        .Select(run => run.Count() > 1 ? $"{run.First().Number}..{run.Last().Number}" : $"{run.First().Number}"));

    /// <summary>"13.5 GB": powers of 1000, as disks and memories are sold.</summary>
    private static string Bytes(long bytes)
    {
        double value = bytes;
        string[] units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
        int unit = 0;
        for (; value >= 1000 && unit < units.Length - 1; unit++)
        {
            value /= 1000;
        }
        return unit == 0 ? $"{bytes} {units[0]}" : $"{value:F1} {units[unit]}";
    }
}
