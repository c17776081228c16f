using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect rope</c></summary>
internal static class InspectRopeVerb
{
    private const int LongestText = 1 << 29;

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("rope", "Show the rotary frequencies of a model, as they are or under another RoPE scaling.",
            """
            skipwise inspect rope --model llama-2-7b
            skipwise inspect rope --model llama-2-7b --rope yarn --rope-factor 8
            skipwise inspect rope --model phi-3-mini-128k --sequence-length 4096 --json rope.json
            """);
        Flag<string> folder = verb.Required("--model", "folder",
                "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file; only its configuration is read");
        Flag<string?> adapter = verb.Adapter();
        var rope = new RopeFlags(verb);
        Flag<int?> sequenceLength =
            verb.OptionalInteger("--sequence-length",
                "length of the text, in tokens, on which dynamic-ntk and longrope depend [default: the model's window]");
        var json = new JsonFlag<RopeDescription>(verb);
        verb.OnRun(screen, (parse, _) =>
        {
            if (sequenceLength.ValueOf(parse) is < 1 or > LongestText)
            {
                throw new SkipwiseException(
                    $"{sequenceLength.Name} is {sequenceLength.ValueOf(parse)}; a text has from 1 to {LongestText} tokens.");
            }
            OptionCheck.Require("Rope", rope.Of(parse));
            HfConfig config = InspectModel.Config(folder.ValueOf(parse));
            foreach (string warning in config.WarningsFor(rope.Of(parse)))
            {
                screen.Note($"warning: {warning}");
            }
            DecoderConfig model =
                InspectModel.Architecture(new ModelSource(folder.ValueOf(parse), rope.Of(parse), Adapter: adapter.ValueOf(parse)));
            int original = ContextExtension.OriginalLength(model);
            RopeFrequencies plain = RopeFrequency.Compute(new RopeOptions { Theta = model.Rope.Theta }, model.RotaryDim);
            RopeFrequencies scaled =
                RopeFrequency.Compute(model.Rope, model.RotaryDim, sequenceLength.ValueOf(parse) ?? model.MaxPositionEmbeddings);
            var description = new RopeDescription(ContextExtension.Describe(model.Rope), original, model.MaxPositionEmbeddings,
                scaled.AttentionFactor,
                [.. RopeWavelength.Compute(scaled, original).Select(wavelength => new RopePair(wavelength.Pair,
                    scaled.InvFreq[wavelength.Pair], wavelength.Tokens,
                    plain.InvFreq[wavelength.Pair] / (double)scaled.InvFreq[wavelength.Pair], wavelength.ExceedsWindow))]);
            json.Show(parse, screen, description, () => Show(screen, description));
            return ExitCode.Success;
        });
        return verb;
    }

    private static void Show(Screen screen, RopeDescription description)
    {
        screen.Facts(
            ("rope", description.Rope), ("window", $"{description.OriginalLength} -> {description.Length} tokens"),
            ("attention factor", $"{description.AttentionFactor:0.######}"));
        screen.Table(new(
            "Frequencies of the dimension pairs",
            ["pair", "radians per token", "wavelength in tokens", "unscaled / scaled", ""],
            [.. description.Pairs.Select(Row)]));
        screen.Line(
            $"! wavelength longer than the original window of {description.OriginalLength} tokens: larger positions bring phases the " +
            $"base model never saw");
    }

    private static IReadOnlyList<string> Row(RopePair pair) =>
        [$"{pair.Pair}", $"{pair.Frequency:G6}", $"{pair.Wavelength:F1}", $"{pair.Factor:0.###}", pair.ExceedsWindow ? "!" : ""];
}
