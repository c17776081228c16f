using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
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
            "skipwise inspect rope --model llama-2-7b --rope yarn --rope-factor 8");
        Flag<string> folder = verb.Required("--model", "folder", "Hugging Face folder; only its config.json is read");
        var rope = new RopeFlags(verb);
        Flag<int?> sequenceLength =
            verb.OptionalInteger("--sequence-length",
                "length of the text, in tokens, on which dynamic-ntk and longrope depend [default: the model's window]");
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
            DecoderConfig model = rope.Of(parse).Apply(config.Model);
            int original = ContextExtension.OriginalLength(model);
            RopeFrequencies plain = RopeFrequency.Compute(new RopeOptions { Theta = model.Rope.Theta }, model.RotaryDim);
            RopeFrequencies scaled =
                RopeFrequency.Compute(model.Rope, model.RotaryDim, sequenceLength.ValueOf(parse) ?? model.MaxPositionEmbeddings);
            screen.Line($"rope              {ContextExtension.Describe(model.Rope)}");
            screen.Line($"window            {original} -> {model.MaxPositionEmbeddings} tokens");
            screen.Line($"attention factor  {scaled.AttentionFactor:0.######}");
            screen.Table(Table(plain, scaled, original));
            screen.Line(
                $"! wavelength longer than the original window of {original} tokens: larger positions bring phases the base model never " +
                $"saw");
            return ExitCode.Success;
        });
        return verb;
    }

    private static ResultTable Table(RopeFrequencies plain, RopeFrequencies scaled, int original) => new(
        "Frequencies of the dimension pairs",
        ["pair", "radians per token", "wavelength in tokens", "unscaled / scaled", ""],
        [.. RopeWavelength.Compute(scaled, original)
            .Select(wavelength => Row(wavelength, plain.InvFreq[wavelength.Pair], scaled.InvFreq[wavelength.Pair]))]);

    private static IReadOnlyList<string> Row(RopeWavelength wavelength, double plain, double scaled) =>
        [$"{wavelength.Pair}", $"{scaled:G6}", $"{wavelength.Tokens:F1}", $"{plain / scaled:0.###}", wavelength.ExceedsWindow ? "!" : ""];
}
