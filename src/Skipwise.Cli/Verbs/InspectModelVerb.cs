using Skipwise.Checkpoints;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Models;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect model</c></summary>
internal static class InspectModelVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("model", "Show a model's sizes, window, rotary embedding and memory, without loading its weights.", "skipwise inspect model --model llama-2-7b");
        Flag<string> folder = verb.Required("--model", "folder", "Hugging Face folder");
        var rope = new RopeFlags(verb);
        verb.Does(screen, (parse, _) =>
        {
            ModelDescription description = InspectModel.Describe(new ModelSource(folder.Of(parse), rope.Of(parse)));
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
                ("window", $"{model.MaxPositionEmbeddings} tokens{(model.SlidingWindow is { } width ? $", of which a token sees the last {width} in layers {model.FirstSlidingLayer} to {model.NumHiddenLayers - 1}" : "")}"),
                ("rope", ContextExtension.Describe(model.Rope) + (model.RotaryDim < model.HeadDim ? $", on {model.RotaryDim} dimensions of a head" : "")),
                ("memory to load", Bytes(description.LoadBytes)),
                ("... to train", $"{Bytes(description.TrainBytes)} and activations (AdamW, float32)"),
                ("... to read", $"{Bytes(description.CacheBytes)} of key/value cache for one full window"),
            ];
            int column = facts.Max(fact => fact.Name.Length);
            foreach ((string name, string value) in facts)
            {
                screen.Line($"{name.PadRight(column)}  {value}");
            }
            foreach (string warning in description.Warnings)
            {
                screen.Note($"warning: {warning}");
            }
            return ExitCode.Success;
        });
        return verb;
    }

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
