using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

public class ModelFamilyTests
{
    private static readonly DecoderConfig s_model = new()
    {
        VocabSize = 40,
        HiddenSize = 24,
        IntermediateSize = 28,
        NumHiddenLayers = 12,
        NumAttentionHeads = 6,
        NumKeyValueHeads = 3,
        HeadDim = 8,
        MaxPositionEmbeddings = 64,
    };

    public static TheoryData<string, bool, bool> Cases()
    {
        var cases = new TheoryData<string, bool, bool>();
        foreach (string family in ModelFamily.Supported)
        {
            cases.Add(family, false, false);
            cases.Add(family, true, true);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_row_of_every_parameter_is_stored_exactly_once(string name, bool biases, bool plain)
    {
        ModelFamily family = ModelFamily.FromModelType(name, "config.json");
        DecoderConfig model = s_model with
        {
            AttentionBias = biases,
            AttentionOutputBias = biases,
            MlpBias = biases,
            HeadBias = biases,
            QueryKeyNorm = biases,
            GatedFeedForward = !plain,
            Norm = plain ? NormKind.Layer : NormKind.Rms,
            Residual = plain ? ResidualKind.ParallelSharedNorm : ResidualKind.Sequential,
        };
        if (plain && family.FusedWeights.Any(fusion => fusion.Canonical.Contains("mlp.gate_proj")))
        {
            model = model with { GatedFeedForward = true };
        }
        StoredParameter[] stored = [.. family.StoredParameters(model)];
        Assert.Equal(stored.Length, stored.Select(parameter => parameter.Name).Distinct().Count());
        Assert.All(stored, parameter => Assert.Equal(parameter.Shape[0], parameter.Blocks.Sum(block => block.Rows)));

        var rows = stored.SelectMany(parameter => parameter.Blocks).GroupBy(block => block.Canonical)
            .ToDictionary(group => group.Key, group => group.OrderBy(block => block.FirstRow).ToArray());
        using var decoder = new CausalLM(model);
        Assert.Equal(decoder.named_parameters().Select(p => p.name).Order(), rows.Keys.Order());
        foreach ((string parameter, TorchSharp.Modules.Parameter value) in decoder.named_parameters())
        {
            long next = 0;
            foreach (RowBlock block in rows[parameter])
            {
                Assert.Equal(next, block.FirstRow);
                next += block.Rows;
            }
            Assert.Equal(value.size(0), next);
        }
        Assert.Equal(decoder.named_parameters().ToDictionary(p => p.name, p => string.Join(',', p.parameter.shape)),
            ModelFamily.Parameters(model).ToDictionary(p => p.Name, p => string.Join(',', p.Shape)));
    }

    [Fact]
    public void A_tied_head_keeps_its_bias()
    {
        DecoderConfig tied = s_model with { HeadBias = true, TieWordEmbeddings = true };
        using var model = new CausalLM(tied);
        IEnumerable<string> listed = ModelFamily.Parameters(tied).Select(parameter => parameter.Name);
        Assert.Equal(listed.Order(), model.named_parameters().Select(p => p.name).Order());
    }

    [Fact]
    public void Queries_keys_and_values_of_NeoX_lie_head_by_head()
    {
        StoredParameter joined = ModelFamily.FromModelType("gpt_neox", "").StoredParameters(s_model with { NumKeyValueHeads = 6 })
            .First(p => p.Blocks.Count > 1);
        Assert.Equal("gpt_neox.layers.0.attention.query_key_value.weight", joined.Name);
        Assert.Equal([144, 24], joined.Shape);
        Assert.Equal([("q", 0), ("k", 0), ("v", 0), ("q", 8), ("k", 8), ("v", 8), ("q", 16)],
            joined.Blocks.Take(7).Select(b => (b.Canonical.Split('.')[^2][..1], (int)b.FirstRow)));
    }

    [Fact]
    public void Queries_keys_and_values_of_Baichuan_lie_one_below_the_other()
    {
        StoredParameter joined = ModelFamily.FromModelType("baichuan", "").StoredParameters(s_model with { NumKeyValueHeads = 6 })
            .First(p => p.Blocks.Count > 1);
        Assert.Equal("model.layers.0.self_attn.W_pack.weight", joined.Name);
        Assert.Equal([("q_proj", 0L, 48L), ("k_proj", 0, 48), ("v_proj", 0, 48)],
            joined.Blocks.Select(b => (b.Canonical.Split('.')[^2], b.FirstRow, b.Rows)));
    }
}
