using Skipwise.Kernels;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Memory for the keys and values of a few tokens in all layers. Texts with a common prefix share its pages, which are counted
/// by reference and never written again.</summary>
internal sealed unsafe class KvPage : IDisposable
{
    private readonly TensorPointers _pointers = new();

    public KvPage(KvPageLayout layout, Device device)
    {
        Memory = empty(layout.Shape, layout.Dtype, device).DetachFromDisposeScope();
        if (device.type == DeviceType.CPU)
        {
            Address = _pointers.Address(Memory);
            MemoryPages.AdviseHugePages((byte*)Address, layout.PageBytes);
        }
    }

    /// <summary><see cref="KvPageLayout.Shape"/></summary>
    public Tensor Memory { get; }

    /// <summary>address of the first byte; 0 on a GPU</summary>
    public nint Address { get; }

    /// <summary>texts and prefixes that hold it</summary>
    public int References { get; set; }

    /// <summary>A layer's keys or values [K, count, D] from a slot on; a view.</summary>
    /// <param name="part">0: keys; 1: values</param>
    public Tensor View(int layer, int part, int slot, int count)
    {
        using var scope = NewDisposeScope();
        return Memory[layer, part].narrow(1, slot, count).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _pointers.Dispose();
        Memory.Dispose();
    }
}
