using Skipwise.Models;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats.Llama2c;

/// <summary>Writes a model as llama2.c's export.py does: the order of the weights as it stands there, query and key rows put back in
/// pairs.</summary>
internal static class RawLlama2c
{
    public static byte[] Write(CausalLM model, int version)
    {
        DecoderConfig c = model.Config;
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        int[] sizes =
            [c.HiddenSize, c.IntermediateSize, c.NumHiddenLayers, c.NumAttentionHeads, c.NumKeyValueHeads, c.VocabSize,
                c.MaxPositionEmbeddings];
        if (version == 0)
        {
            sizes[5] = c.TieWordEmbeddings ? sizes[5] : -sizes[5];
        }
        else
        {
            writer.Write(0x616B3432);
            writer.Write(version);
        }
        Array.ForEach(sizes, writer.Write);
        if (version > 0)
        {
            writer.Write(c.TieWordEmbeddings);
            writer.Write(new byte[256 - (int)file.Length]);
        }
        var weights = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        void Put(string name)
        {
            float[] values;
            using (Tensor tensor = weights[name].detach())
            {
                values = tensor.data<float>().ToArray();
            }
            int columns = (int)weights[name].shape[^1], D = c.HeadDim;
            for (int row = 0; row < values.Length / columns; row++)
            {
                // Rows of a head: pair i is Hugging Face's rows i and i + D/2.
                int within = row % D, from = name.Contains("q_proj") || name.Contains("k_proj")
                    ? row - within + (within / 2) + (within % 2 * D / 2)
                    : row;
                Array.ForEach(values[(from * columns)..((from + 1) * columns)], writer.Write);
            }
        }
        void PutLayers(params string[] names)
        {
            foreach (string name in names)
            {
                for (int layer = 0; layer < c.NumHiddenLayers; layer++)
                {
                    Put($"model.layers.{layer}.{name}.weight");
                }
            }
        }
        string[] matrices = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"],
            feedForward = ["mlp.gate_proj", "mlp.down_proj", "mlp.up_proj"];
        if (version == 0)
        {
            Put("model.embed_tokens.weight");
            PutLayers(["input_layernorm", .. matrices, "post_attention_layernorm", .. feedForward]);
            Put("model.norm.weight");
            writer.Write(new byte[c.MaxPositionEmbeddings * c.HeadDim * sizeof(float)]); // cosines and sines
        }
        else
        {
            PutLayers("input_layernorm", "post_attention_layernorm");
            Put("model.norm.weight");
            Put("model.embed_tokens.weight");
            PutLayers([.. matrices, .. feedForward]);
        }
        if (!c.TieWordEmbeddings)
        {
            Put("lm_head.weight");
        }
        return file.ToArray();
    }
}
