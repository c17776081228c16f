using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Models.Lora;

namespace Skipwise.Tests.Models;

/// <summary>Every parameter of every family has its role from the module that made it.</summary>
public sealed class ParameterRoleTests
{
    private const string Sizes = """
        "vocab_size": 40, "hidden_size": 24, "intermediate_size": 28, "num_hidden_layers": 1, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 64
        """;

    private const string Llama = """
        lm_head.weight Head
        model.embed_tokens.weight Embedding
        model.layers.0.input_layernorm.weight Norm
        model.layers.0.mlp.down_proj.weight Matrix+
        model.layers.0.mlp.gate_proj.weight Matrix
        model.layers.0.mlp.up_proj.weight Matrix
        model.layers.0.post_attention_layernorm.weight Norm
        model.layers.0.self_attn.k_proj.weight Matrix
        model.layers.0.self_attn.o_proj.weight Matrix+
        model.layers.0.self_attn.q_proj.weight Matrix
        model.layers.0.self_attn.v_proj.weight Matrix
        model.norm.weight Norm
        """;

    private const string AttentionBiases = """
        model.layers.0.self_attn.k_proj.bias Bias of Matrix
        model.layers.0.self_attn.q_proj.bias Bias of Matrix
        model.layers.0.self_attn.v_proj.bias Bias of Matrix
        """;

    /// <summary>+: what it computes is added to the residual stream.</summary>
    public static TheoryData<string, string> Families => new()
    {
        { """{"model_type": "llama",""" + Sizes + "}", Llama },
        { """{"model_type": "mistral",""" + Sizes + "}", Llama },
        { """{"model_type": "baichuan",""" + Sizes + "}", Llama },
        { """{"model_type": "phi3", "pad_token_id": 0,""" + Sizes + "}", Llama },
        { """{"model_type": "gemma", "head_dim": 6,""" + Sizes + "}", Without(Llama, "lm_head") },
        { """{"model_type": "qwen2",""" + Sizes + "}", Llama + "\n" + AttentionBiases },
        { """{"model_type": "qwen2", "tie_word_embeddings": true,""" + Sizes + "}", Without(Llama, "lm_head") + "\n" + AttentionBiases },
        {
            """{"model_type": "qwen3", "head_dim": 6,""" + Sizes + "}", Llama + "\n" + """
            model.layers.0.self_attn.k_norm.weight Norm
            model.layers.0.self_attn.q_norm.weight Norm
            """
        },
        {
            """
            {"model_type": "gptj", "vocab_size": 40, "n_embd": 24, "n_inner": 28, "n_layer": 1, "n_head": 4,
            "n_positions": 64, "rotary_dim": 4}
            """,
            Without(Without(Llama, "post_attention"), "gate_proj") + "\n" + """
            lm_head.bias Bias of Head
            model.layers.0.input_layernorm.bias Bias of Norm
            model.layers.0.mlp.down_proj.bias Bias of Matrix+
            model.layers.0.mlp.up_proj.bias Bias of Matrix
            model.norm.bias Bias of Norm
            """
        },
        {
            """{"model_type": "gpt_neox", "rotary_pct": 1.0,""" + Sizes + "}",
            Without(Llama, "gate_proj") + "\n" + AttentionBiases + "\n" + """
            model.layers.0.input_layernorm.bias Bias of Norm
            model.layers.0.mlp.down_proj.bias Bias of Matrix+
            model.layers.0.mlp.up_proj.bias Bias of Matrix
            model.layers.0.post_attention_layernorm.bias Bias of Norm
            model.layers.0.self_attn.o_proj.bias Bias of Matrix+
            model.norm.bias Bias of Norm
            """
        },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void Each_parameter_has_its_role(string config, string expected)
    {
        using var model = new CausalLM(HfConfig.Parse(config, "config.json").Model);
        IReadOnlyList<ModelParameter> parameters = ModelParameter.AllOf(model);
        Assert.Equal(expected.Split('\n').Order(StringComparer.Ordinal), parameters.Select(Described).Order(StringComparer.Ordinal));
        Assert.Equal(model.named_parameters().Select(p => p.name), parameters.Select(p => p.Name));
        Assert.All(parameters.Zip(model.named_parameters()), pair => Assert.Same(pair.Second.parameter, pair.First.Parameter));
    }

    [Fact]
    public void A_tied_heads_own_bias_is_the_heads()
    {
        using CausalLM model = TinyModel.Create(tied: true, change: config => config with { HeadBias = true });
        Assert.Contains("lm_head.bias Bias of Head", ModelParameter.AllOf(model).Select(Described));
        Assert.DoesNotContain(ModelParameter.AllOf(model), parameter => parameter.Role == ParameterRole.Head);
    }

    [Fact]
    public void Updates_are_adapters_and_what_is_trained_whole_follows_the_owner()
    {
        using CausalLM model = TinyModel.Create(change: config => config with { Norm = NormKind.Layer, HeadBias = true });
        var options = new LoraOptions { Rank = 2, TargetModules = ["q_proj"], TrainNorms = true, TrainEmbeddings = true };
        LoraInjector.Apply(model, options, seed: 1);
        ModelParameter[] trained = [.. ModelParameter.AllOf(model).Where(parameter => parameter.Parameter.requires_grad)];
        Assert.Equal(
            [
                "lm_head.bias Bias of Head", "lm_head.weight Head", "model.embed_tokens.weight Embedding",
                "model.layers.0.input_layernorm.bias Bias of Norm", "model.layers.0.input_layernorm.weight Norm",
                "model.layers.0.post_attention_layernorm.bias Bias of Norm", "model.layers.0.post_attention_layernorm.weight Norm",
                "model.layers.0.self_attn.q_proj.lora_A.weight Adapter", "model.layers.0.self_attn.q_proj.lora_B.weight Adapter",
                "model.norm.bias Bias of Norm", "model.norm.weight Norm",
            ], trained.Select(Described).Where(line => !line.Contains("layers.1", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    private static string Described(ModelParameter parameter) =>
        $"{parameter.Name} {parameter.Role}{(parameter.Role != parameter.Owner ? $" of {parameter.Owner}" : "")}"
            + (parameter.AddsToResidual ? "+" : "");

    private static string Without(string lines, string part) =>
        string.Join('\n', lines.Split('\n').Where(line => !line.Contains(part, StringComparison.Ordinal)));
}
