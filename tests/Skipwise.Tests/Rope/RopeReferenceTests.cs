using System.Globalization;
using System.Text.Json;
using Skipwise.Rope;

namespace Skipwise.Tests.Rope;

/// <summary>Every entry of the reference's tables (fixtures/rope.json): the original code's and Hugging Face's.</summary>
public class RopeReferenceTests
{
    private static readonly JsonElement s_root = JsonDocument.Parse(File.ReadAllText(Fixture.Path("rope.json"))).RootElement;

    public static TheoryData<int, string> Entries()
    {
        var entries = new TheoryData<int, string>();
        foreach ((int index, JsonElement entry) in s_root.GetProperty("entries").EnumerateArray().Index())
        {
            entries.Add(index,
                $"{entry.GetProperty("type")} {entry.GetProperty("factor")} {(entry.TryGetProperty("original_max", out JsonElement l) ? l : "")}");
        }
        return entries;
    }

    [Theory]
    [MemberData(nameof(Entries))]
    public void Frequencies_agree_with_the_reference(int index, string name)
    {
        JsonElement entry = s_root.GetProperty("entries")[index];
        double? Number(string key) =>
            entry.TryGetProperty(key, out JsonElement x) && x.ValueKind == JsonValueKind.Number ? x.GetDouble() : null;
        string type = entry.GetProperty("type").GetString()!;
        RopeOptions rope = new()
        {
            Type = TypeOf(type),
            Theta = Number("base") ?? s_root.GetProperty("base").GetDouble(),
            Factor = Number("factor")!.Value,
            OriginalMaxPositionEmbeddings = (int)(Number("original_max") ?? 0),
            LowFreqFactor = Number("low_freq_factor") ?? 1,
            HighFreqFactor = Number("high_freq_factor") ?? 4,
        };
        int dim = (int)(Number("dim") ?? s_root.GetProperty("dim").GetDouble());
        RopeFrequencies found = RopeFrequency.Compute(rope, dim, (int)(Number("seq_len") ?? 0));
        Assert.Equal(Number("mscale")!.Value, found.AttentionFactor, 14);

        if (entry.TryGetProperty("inv_freq", out JsonElement invFreq))
        {
            // the original keeps unscaled frequencies for linear and divides the positions
            double divisor = type is "linear" or "baichuan_linear" ? rope.Factor : 1;
            double[] expected = [.. invFreq.EnumerateArray().Select(x => x.GetDouble() / divisor)];
            Assert.Equal(expected.Length, found.InvFreq.Length);
            Assert.All(expected.Zip(found.InvFreq), pair => Assert.InRange(pair.Second / pair.First, 1 - 1e-6, 1 + 1e-6));
        }
        else
        {
            Assert.StartsWith("gptj", name, StringComparison.Ordinal);
            AssertRows(entry.GetProperty("rows"), found);
        }
    }

    /// <summary>GPT-J has tables only. Its frequencies are float32: an angle is off by 1e-6 of itself at most.</summary>
    private static void AssertRows(JsonElement rows, RopeFrequencies found)
    {
        foreach (JsonProperty row in rows.EnumerateObject())
        {
            int position = int.Parse(row.Name, CultureInfo.InvariantCulture);
            for (int i = 0; i < found.InvFreq.Length; i++)
            {
                double angle = position * found.InvFreq[i];
                double tolerance = 1e-6 + (1e-6 * angle);
                Assert.Equal(row.Value.GetProperty("cos")[i].GetDouble(), Math.Cos(angle) * found.AttentionFactor, tolerance);
                Assert.Equal(row.Value.GetProperty("sin")[i].GetDouble(), Math.Sin(angle) * found.AttentionFactor, tolerance);
            }
        }
    }

    /// <summary>The reference's names: its "yarn" is the revised one, except in GPT-J.</summary>
    private static RopeType TypeOf(string name) => name switch
    {
        "none" or "gptj_none" or "baichuan_none" => RopeType.Default,
        "linear" or "gptj_linear" or "baichuan_linear" => RopeType.Linear,
        "vanilla_ntk" or "gptj_vanilla_ntk" or "baichuan_vanilla_ntk" => RopeType.Ntk,
        "dynamic" or "hf_dynamic" => RopeType.DynamicNtk,
        "yarn" or "baichuan_yarn" => RopeType.YarnRevised,
        "yarn_original" or "gptj_yarn" or "hf_yarn" => RopeType.Yarn,
        "hf_llama3" => RopeType.Llama3,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such entry"),
    };
}
