using Skipwise.Cli.Flags;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Spectre.Console;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect rope</c></summary>
internal static class InspectRopeVerb
{
    public static Verb Create(Terminal terminal)
    {
        var verb = new Verb("rope", "Show the rotary frequencies of a model, or what another scaling would make of them.",
            "skipwise inspect rope --model llama-2-7b --rope yarn --rope-factor 8");
        Flag<string> folder = verb.Required("--model", "folder", "Hugging Face folder; only its config.json is read");
        var rope = new RopeFlags(verb);
        Flag<int?> sequenceLength = verb.OptionalInteger("--sequence-length", "tokens of the text at hand, on which dynamic-ntk and longrope depend [default: the model's window]");
        verb.Does(terminal, (parse, _) =>
        {
            DecoderConfig model = rope.Of(parse).Apply(InspectModel.Config(folder.Of(parse)).Model);
            int original = ContextExtension.OriginalLength(model);
            RopeFrequencies plain = RopeFrequency.Compute(new RopeOptions { Theta = model.Rope.Theta }, model.HeadDim);
            RopeFrequencies scaled = RopeFrequency.Compute(model.Rope, model.HeadDim, sequenceLength.Of(parse) ?? model.MaxPositionEmbeddings);
            terminal.Line($"rope              {ContextExtension.Describe(model.Rope)}");
            terminal.Line($"window            {original} -> {model.MaxPositionEmbeddings} tokens");
            terminal.Line($"attention factor  {scaled.AttentionFactor:0.######}");
            terminal.Screen.Write(Table(plain, scaled, original));
            terminal.Line($"! wavelength longer than the original window of {original} tokens: larger positions bring phases the base model never saw");
            return ExitCode.Success;
        });
        return verb;
    }

    private static Table Table(RopeFrequencies plain, RopeFrequencies scaled, int original)
    {
        Table table = EvaluationView.Table("pair", "radians per token", "wavelength in tokens", "unscaled / scaled", "<");
        foreach (RopeWavelength wavelength in RopeWavelength.Of(scaled, original))
        {
            double frequency = scaled.InvFreq[wavelength.Pair];
            EvaluationView.Row(table, $"{wavelength.Pair}", $"{frequency:G6}", $"{wavelength.Tokens:F1}", $"{plain.InvFreq[wavelength.Pair] / frequency:0.###}", wavelength.ExceedsWindow ? "!" : "");
        }
        return table;
    }
}
