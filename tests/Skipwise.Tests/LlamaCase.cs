using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;

namespace Skipwise.Tests;

/// <summary>A reference case: a tiny model and the numbers that the original's code computed with it.</summary>
internal sealed class LlamaCase : IDisposable
{
    private readonly Pretrained _pretrained;
    private readonly SafetensorsFile _reference;

    public LlamaCase(string name)
    {
        // The original's Llama runs its revised YaRN under the name "yarn", which everywhere else is the published one.
        RopeOverrides? rope = name is "llama-yarn16" or "llama-gqa-yarn16-tied" ? new RopeOverrides { Type = RopeType.YarnRevised } : null;
        _pretrained = Pretrained.Load(new ModelSource(Fixture.Path(name), rope));
        _reference = SafetensorsFile.Open(Fixture.Path(name, "reference.safetensors"));
    }

    public CausalLM Model => _pretrained.Model;

    public torch.Tensor Read(string name) => _reference.Read(_reference.Tensors[name]);

    public int[] Ids(string name)
    {
        using torch.Tensor ids = Read(name);
        return [.. ids.data<long>().ToArray().Select(id => (int)id)];
    }

    public void Dispose()
    {
        _reference.Dispose();
        _pretrained.Dispose();
    }
}
